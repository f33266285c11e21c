/**
 * Lesson 18 · A thread pool: the server.
 *
 * All threads are there before the first client comes, and all of them sleep in accept on the same
 * listening socket. The kernel wakes one of them for each client. thread.ts shows what a thread
 * does; queue.ts lets one thread accept for the others.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/18-thread-pool/server.ts
 * Try:  deno run --allow-net lessons/18-thread-pool/client.ts
 * Man:  accept(2), pthreads(7)
 */

import { addressOf, listenTcp } from "../../shared/linux/socket.ts";
import { number } from "../../shared/options.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import { mostThreads } from "../../shared/workers.ts";
import type { Task } from "./thread.ts";

const options = serverOptions({
  threads: number(8, "how many threads accept, and how many clients they serve at a time", 1, 100),
});
const module = new URL("./thread.ts", import.meta.url);
requireRead(module);
const listener = listenTcp(options);

// How many clients the threads have accepted, or are about to, in memory that all of them share.
const accepted = new Int32Array(new SharedArrayBuffer(4));
const count = mostThreads(options.threads);
const threads = Array.from({ length: count }, () => new Worker(module, { type: "module" }));

// A thread begins when it has made its engine and loaded its module.
for (const thread of threads) {
  const { connections } = options;
  thread.postMessage({ listener, accepted, connections } satisfies Task);
  await new Promise((begun) => thread.onmessage = begun);
}

// Only now: the start of the threads is paid before anybody connects, and no client waits for it.
// The main thread has nothing left to do, and the process ends when the last thread has ended.
console.log(`listening on ${addressOf(listener)}`);
console.log(`threads that accept: ${count}`);
