/**
 * Lesson 16 · Every model under one load: a map of servers.
 *
 * The classic schemes, each with the lesson that shows it. For each server: how many connections it
 * serves at once, the memory that each of them takes while it is idle, the CPU time for a message
 * of 64 bytes, and on how many cores it can be at work. Where a thread or a process has one client
 * at a time, the server is given one for each active connection, up to a limit.
 *
 * Run:  deno run -A lessons/16-comparison/map.ts
 * Try:  deno run -A lessons/16-comparison/map.ts --active 50 --idle 5000
 */

import { raiseDescriptorLimit } from "../../shared/linux/descriptors.ts";
import { number, parseOptions } from "../../shared/options.ts";
import { findLesson, LESSONS } from "../../shared/tools/lesson/catalogue.ts";
import { Child, denoRun } from "../../shared/tools/process/child.ts";
import { readFamily, settled } from "../../shared/tools/process/proc.ts";
import { hold } from "./idle.ts";
import { Load } from "./measure.ts";
import { list } from "./options.ts";
import { type Scheme, schemes } from "./schemes.ts";
import { median } from "./statistics.ts";

const options = parseOptions({
  active: list([1, 50, 900], "numbers of connections that are all active"),
  idle: number(1000, "how many idle connections are tried", 10, 20_000),
  rounds: number(3, "how often the cost of a message is measured", 1, 100),
  time: number(300, "how long each time, in milliseconds", 50, 60_000),
});
raiseDescriptorLimit();

await using load = new Load();
const columns = options.active.map((connections) => `µs, ${connections}`);
row("scheme", "lesson", ["at once", "KiB each", ...columns, "cores", "waits"]);
for (const scheme of schemes) {
  const { name, lesson, none, waits = "" } = scheme;
  if (lesson === undefined) row(name, `none: ${none}`, []);
  else row(name, lesson, [...await idleCells(scheme), ...await activeCells(scheme), waits]);
}

function row(name: string, lesson: string, cells: string[]) {
  console.log(name.padEnd(34) + lesson.padEnd(10) + cells.map((cell) => cell.padStart(9)).join(""));
}

function start({ lesson, each }: Scheme, clients?: number): Child {
  const { folder, server } = findLesson(lesson!)!;
  const { permissions, path = `${folder}/server.ts`, args = [] } = server!;
  const pool = each === undefined || clients === undefined ? [] : [each, `${clients}`];
  return new Child(denoRun(new URL(path, LESSONS), permissions, ["--port", "0", ...args, ...pool]));
}

async function idleCells(scheme: Scheme): Promise<[atOnce: string, memory: string]> {
  const most = Math.min(options.idle, scheme.most ?? Infinity);
  const { answered, first, all } = await hold(start(scheme), most);
  if (answered === 1) return ["1", "–"];
  // A thread or a process that was there before its client: compare with a server of only one.
  const least = scheme.each === undefined ? first : (await hold(start(scheme, 1), 1)).first;
  const memory = (all - least) / (answered - 1);
  return [
    answered.toLocaleString("en") + (answered === most ? "+" : ""),
    memory < 100 ? memory.toFixed(1) : Math.round(memory).toLocaleString("en"),
  ];
}

/** What a message costs with each number of connections, and how many cores can be at work. */
async function activeCells(scheme: Scheme): Promise<string[]> {
  let threads = 0;
  const costs: string[] = [];
  for (const connections of options.active) {
    const rounds: number[] = [];
    const possible = connections <= (scheme.most ?? Infinity);
    for (let round = 0; possible && round < options.rounds; round++) {
      await using server = start(scheme, connections);
      const port = (await server.listening())!;
      await settled(server.pid);
      const before = timesOf(server.pid);
      const { pid, time } = { ...options, pid: server.pid };
      const task = { port, pid, connections, active: connections, size: 64, time, rate: 100 };
      const { server: cpu, messages } = await load.visit(task);
      rounds.push(1000 * cpu / messages);
      const used = [...timesOf(pid)].map(([thread, time]) => time - (before.get(thread) ?? 0));
      threads = Math.max(threads, used.filter((time) => time > Math.max(...used) / 3).length);
    }
    costs.push(possible ? median(rounds).toFixed(1) : "–");
  }
  return [...costs, `${Math.min(threads, navigator.hardwareConcurrency)}`];
}

/** The CPU time of each thread so far, in nanoseconds. */
function timesOf(pid: number): Map<string, number> {
  const files = [...readFamily(pid, "schedstat")];
  return new Map(files.map(([thread, [times]]) => [thread, parseInt(times)]));
}
