/**
 * Lesson 17 · What people say: C2, about a thread for each client.
 *
 * The server of lesson 02 has five silent clients, and a sixth that sends 16 MiB. Is the sixth one
 * served, and what do the threads of the others do meanwhile? For each thread, /proc shows which
 * system call it is in and how much CPU time it has used.
 *
 * Run:  deno run -A lessons/17-claims/c02-threads.ts
 * Man:  pthreads(7), proc_pid_syscall(5)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { checkReply, sendAll } from "../../shared/client.ts";
import { connectWhenReady } from "../../shared/ready.ts";
import { readThreads } from "../../shared/tools/process/proc.ts";
import { startServer } from "./servers.ts";
import { conclude } from "./verdict.ts";

const SYS_recvfrom = Deno.build.arch === "x86_64" ? 45 : 207; // the system call behind recv
const SILENT = 5;

await using server = await startServer("02");
const address = { host: "127.0.0.1", port: server.port };
const before = status();

const silent = [];
for (let i = 0; i < SILENT; i++) silent.push(await connectWhenReady(address));
using talker = await connectWhenReady(address);
await talk(5); // once this is answered, its thread is running
const times = await timesInRecv();
const { Threads, VmRSS } = status();

const start = performance.now();
await talk(16 * 2 ** 20);
const served = performance.now() - start;
const used = [...await timesInRecv()].map(([thread, time]) => time - times.get(thread)!);
const [most, ...others] = used.toSorted((a, b) => b - a);
for (const connection of silent) connection.close();

const memory = (VmRSS - before.VmRSS) / 1024 / (SILENT + 1);
conclude(
  "C2",
  [
    `the sixth client had its 16 MiB after ${
      served.toFixed(0)
    } ms, while the silent ones were connected`,
    `${Threads - before.Threads} more threads for 6 clients, ${memory.toFixed(0)} MiB for each`,
    `threads that wait in recv, before and after: ${times.size} and ${used.length}`,
    `CPU time of the thread that served: ${most.toFixed(0)} ms, of the others: ` +
    others.map((time) => time.toFixed(0)).join(", "),
  ],
  used.length === SILENT + 1 && most > 5 * others[0]
    ? "true: no client waits for another; each thread waits in recv, and copies for its client"
    : "false: the threads were not in recv, each for its own client",
);

async function talk(length: number) {
  const message = new Uint8Array(length).fill(97);
  await Promise.all([sendAll(talker, message), checkReply(talker, message)]);
}

/** The CPU time of each thread that is in recv, in milliseconds, once all of them are. */
async function timesInRecv(): Promise<Map<string, number>> {
  for (let attempt = 0;; attempt++) {
    const threads = [...readThreads(server.pid, "syscall", "schedstat")];
    const inRecv = threads.filter(([, [call]]) => call.startsWith(`${SYS_recvfrom} `));
    if (inRecv.length > SILENT || attempt === 500) {
      return new Map(inRecv.map(([thread, [, time]]) => [thread, parseInt(time) / 1e6]));
    }
    await sleep(10);
  }
}

function status(): Record<string, number> {
  const lines = Deno.readTextFileSync(`/proc/${server.pid}/status`).split("\n");
  return Object.fromEntries(
    lines.map((line) => line.split(":\t")).map(([k, v]) => [k, parseInt(v)]),
  );
}
