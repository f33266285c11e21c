/**
 * Lesson 17 · What people say: C24, about the thundering herd.
 *
 * Four threads wait for clients from one listening socket: in accept4, or each in its own epoll
 * instance, with and without EPOLLEXCLUSIVE. One client after another connects. Each thread that
 * the kernel wakes up goes to sleep again later, which the kernel counts.
 *
 * Run:  deno run -A lessons/17-claims/c24-herd.ts
 * Man:  epoll_ctl(2) (EPOLLEXCLUSIVE), accept(2), proc_pid_status(5)
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLLEXCLUSIVE,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { getsockname, listenTcp, SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import { readThreads } from "../../shared/tools/process/proc.ts";
import type { Task } from "./herd.ts";
import { oneDigit } from "./timing.ts";
import { conclude } from "./verdict.ts";

const THREADS = 4;
const CLIENTS = 25;

const accept = await wokenByClient();
const all = await wokenByClient(EPOLLIN);
const exclusive = await wokenByClient(EPOLLIN | EPOLLEXCLUSIVE);
const [woken, one] = [oneDigit(all), oneDigit(exclusive)];

conclude(
  "C24",
  [
    `${THREADS} threads wait for ${CLIENTS} clients; for each client, there woke up`,
    `in accept4: ${oneDigit(accept)}`,
    `in epoll_wait, level-triggered: ${woken}`,
    `in epoll_wait, with EPOLLEXCLUSIVE: ${one}`,
  ],
  all < 2 * accept
    ? `false: a client wakes up ${woken} of ${THREADS} threads in epoll_wait`
    : exclusive < all / 2
    ? `it depends on EPOLLEXCLUSIVE: a client wakes ${woken} of ${THREADS} threads, ${one} with it`
    : `true: a client wakes up ${woken} of ${THREADS} threads, and ${one} with EPOLLEXCLUSIVE`,
);
Deno.exit(); // the threads wait on

/** How many threads wake up for a client. They wait in epoll_wait for `interest`, or in accept4. */
async function wokenByClient(interest?: number): Promise<number> {
  const flags = interest === undefined ? 0 : SOCK_NONBLOCK;
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, flags);
  for (let i = 0; i < THREADS; i++) {
    const epoll = interest === undefined ? undefined : epoll_create1();
    if (epoll !== undefined) epoll_ctl(epoll, EPOLL_CTL_ADD, listener, interest);
    const thread = new Worker(new URL("./herd.ts", import.meta.url), { type: "module" });
    thread.postMessage({ listener, epoll } satisfies Task);
    await new Promise((resolve) => thread.onmessage = resolve);
  }
  await sleep(50); // until all of them sleep
  const before = sleeps();
  for (let i = 0; i < CLIENTS; i++) {
    await Deno.connect({ hostname: "127.0.0.1", port: getsockname(listener).port });
    await sleep(10);
  }
  return (sleeps() - before) / CLIENTS;
}

/** How often all Workers have gone to sleep so far. */
function sleeps(): number {
  const threads = [...readThreads(Deno.pid, "comm", "status").values()];
  const statuses = threads.filter(([name]) => name.startsWith("worker-")).map(([, text]) => text);
  const counts = statuses.map((text) => /^voluntary_ctxt_switches:\s+(\d+)/m.exec(text)![1]);
  return counts.map(Number).reduce((sum, count) => sum + count);
}
