/**
 * Scenarios about a server whose threads have a loop each, and share the clients.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { readThreads } from "../../process/proc.ts";
import { connect, eventually } from "../clients.ts";
import type { Scenario } from "../scenario.ts";
import type { Server } from "../server.ts";

/** With how many loops such a server is started. */
export const LOOPS = 4;

/** What such a server does besides. */
export const sharing: readonly Scenario[] = [
  {
    name: "wakes one loop at most for a client that connects",
    seenBy: "the user who counted how often its loops woke up while 40 clients connected",
    faults: [[
      /woke/,
      "all loops wait for the listener, and it is not watched with EPOLLEXCLUSIVE",
    ]],
    inspects: true,
    start: { args: ["--loops", String(LOOPS)] },
    async run(server) {
      const woken = await loopsWokenByConnect(server);
      // 1, and now and then a loop that was not asleep yet.
      assert(woken < 2, `a client woke ${woken.toFixed(1)} of ${LOOPS} loops`);
    },
  },
];

/**
 * How many loops the kernel wakes up for each client that connects. A thread that sleeps again has
 * given up its core, which the kernel counts, even if epoll_wait did not return in between.
 */
export async function loopsWokenByConnect(server: Server): Promise<number> {
  const CLIENTS = 40;
  await eventually(() => sleepingLoops(server.pid) === LOOPS, "its loops did not begin");
  using stack = new DisposableStack();
  const before = sleepsOf(server.pid);
  for (let i = 0; i < CLIENTS; i++) {
    stack.use(await connect(server)); // it says nothing, which would wake up a loop as well
    await sleep(20);
  }
  return (sleepsOf(server.pid) - before) / CLIENTS;
}

/** The numbers of epoll_wait on x86-64, and of epoll_pwait there and on arm64. */
const EPOLL_WAIT = ["232", "281", "22"];

/** How many loops of a process sleep in epoll_wait. */
export function sleepingLoops(pid: number): number {
  const calls = ofLoops(pid, "syscall").map((call) => call.split(" ")[0]);
  return calls.filter((call) => EPOLL_WAIT.includes(call)).length;
}

/** How often the threads that have a loop have gone to sleep so far. */
function sleepsOf(pid: number): number {
  const field = /^voluntary_ctxt_switches:\s+(\d+)/m;
  return ofLoops(pid, "status").reduce((sum, status) => sum + Number(field.exec(status)![1]), 0);
}

/** A file in /proc of each thread that has a loop. */
function ofLoops(pid: number, file: string): string[] {
  return [...readThreads(pid, "comm", file).values()].filter(([name]) => name.startsWith("worker-"))
    .map(([, text]) => text);
}
