/**
 * Lesson 17 · What people say: C2, about a thread for each client.
 *
 * The server of lesson 02 has five silent clients, and a sixth that sends 16 MiB. Is the sixth
 * served, and where are the threads of the others meanwhile? The kernel tells, in /proc, in which
 * system call each thread is, and for how long it has run.
 *
 * Run:  deno run -A lessons/17-claims/c02-threads.ts
 * Man:  pthreads(7), proc_pid_syscall(5)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { checkReply, sendAll } from "../../shared/client.ts";
import { connectWhenReady } from "../../shared/ready.ts";
import { startServer } from "./servers.ts";
import { conclude } from "./verdict.ts";

const SYS_recvfrom = Deno.build.arch === "x86_64" ? "45" : "207"; // the system call of recv
const SILENT = 5;

await using server = await startServer("02");
const address = { host: "127.0.0.1", port: server.port };
const before = status();

const silent = [];
for (let i = 0; i < SILENT; i++) silent.push(await connectWhenReady(address));
using talker = await connectWhenReady(address);
await talk(5); // once it is answered, its thread runs
for (let i = 0; i < 500 && timesInRecv().size <= SILENT; i++) await sleep(10);
const { Threads, VmRSS } = status();

const times = timesInRecv();
const start = performance.now();
await talk(16 * 2 ** 20);
const served = performance.now() - start;
await sleep(50); // until its thread is back in recv
const used = [...timesInRecv()].map(([thread, time]) => time - times.get(thread)!);
const [most, ...others] = used.toSorted((a, b) => b - a);
for (const connection of silent) connection.close();

const memory = (VmRSS - before.VmRSS) / 1024 / (SILENT + 1);
conclude(
  "C2",
  [
    `the sixth client had its 16 MiB after ${served.toFixed(0)} ms, and nobody had gone by then`,
    `${Threads - before.Threads} more threads for 6 clients, ${memory.toFixed(0)} MiB for each`,
    `threads that wait in recv, before and after: ${times.size} and ${used.length}`,
    `CPU time of the thread that served: ${most.toFixed(0)} ms, of the others: ` +
    others.map((time) => time.toFixed(0)).join(", "),
  ],
  used.length === SILENT + 1 && most > 5 * others[0]
    ? "true: nobody waits for others; each thread waits in recv, and copies for its client"
    : "false: the threads were not in recv, each for its own client",
);

async function talk(length: number) {
  const message = new Uint8Array(length).fill(97);
  await Promise.all([sendAll(talker, message), checkReply(talker, message)]);
}

function status(): Record<string, number> {
  const lines = Deno.readTextFileSync(`/proc/${server.pid}/status`).split("\n");
  return Object.fromEntries(
    lines.map((line) => line.split(":\t")).map(([k, v]) => [k, parseInt(v)]),
  );
}

/** The CPU time so far of each thread that is in recv, in milliseconds. */
function timesInRecv(): Map<string, number> {
  const times = new Map<string, number>();
  for (const { name } of Deno.readDirSync(`/proc/${server.pid}/task`)) {
    const task = `/proc/${server.pid}/task/${name}`;
    if (!Deno.readTextFileSync(`${task}/syscall`).startsWith(`${SYS_recvfrom} `)) continue;
    times.set(name, parseInt(Deno.readTextFileSync(`${task}/schedstat`)) / 1e6);
  }
  return times;
}
