/**
 * Lesson 18 · A thread pool: how many threads a client wakes.
 *
 * Eight threads wait for a hundred clients that come one after another: first in accept, then in
 * poll, after which they try to accept. A thread that is woken gives up its core again to wait, and
 * the kernel counts how often that happens. waiter.ts shows what a thread does.
 *
 * Run:  deno run --allow-ffi --allow-net --allow-read lessons/18-thread-pool/wakes.ts
 * Man:  accept(2), poll(2), getrusage(2)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { close } from "../../shared/linux/descriptors.ts";
import {
  getsockname,
  listenTcp,
  SHUT_RDWR,
  shutdown,
  SOCK_NONBLOCK,
} from "../../shared/linux/socket.ts";
import type { Task } from "./waiter.ts";

const [THREADS, CLIENTS] = [8, 100];
const module = new URL("./waiter.ts", import.meta.url);

for (const call of ["accept", "poll"] as const) {
  const address = { host: "127.0.0.1", port: 0 };
  const listener = listenTcp(address, call === "poll" ? SOCK_NONBLOCK : 0);
  const { port } = getsockname(listener);
  const threads = Array.from({ length: THREADS }, () => new Worker(module, { type: "module" }));
  for (const thread of threads) {
    thread.postMessage({ listener, call } satisfies Task);
    await nextMessage(thread); // it begins
  }

  for (let i = 0; i < CLIENTS; i++) {
    await sleep(5); // all threads sleep again
    using _client = await Deno.connect({ port });
  }

  // This wakes all threads at once, whichever call they sleep in; closing the socket would not.
  shutdown(listener, SHUT_RDWR);
  const wakeUps = await Promise.all(threads.map(nextMessage));
  const all = wakeUps.reduce((sum, own) => sum + own) - THREADS;
  console.log(
    `${THREADS} threads in ${call}: ${CLIENTS} clients woke ${all} threads, ` +
      `${(all / CLIENTS).toFixed(1)} for each client`,
  );
  close(listener);
}

function nextMessage(thread: Worker): Promise<number> {
  return new Promise((resolve) => thread.onmessage = ({ data }) => resolve(data));
}
