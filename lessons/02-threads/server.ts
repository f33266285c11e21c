/**
 * Lesson 02 · A thread for each client: the server.
 *
 * The main thread only accepts. Every client gets a thread of its own, a Worker. Its calls wait as
 * they did in lesson 01, but they hold up no other client. thread.ts shows what a thread does.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/02-threads/server.ts
 * Try:  deno run --allow-net lessons/02-threads/client.ts
 * Man:  accept(2), pthreads(7)
 */

import { close } from "../../shared/linux/descriptors.ts";
import { accept, addressOf, listenTcp } from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_MONOTONIC } from "../../shared/linux/time.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import { mostThreads } from "../../shared/workers.ts";
import type { Task } from "./thread.ts";

const options = serverOptions();
const module = new URL("./thread.ts", import.meta.url);
requireRead(module);
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

// The number of threads, in memory that all of them share, so that each can subtract itself.
const running = new Int32Array(new SharedArrayBuffer(4));
const most = mostThreads(100);

for (let served = 0; served < options.connections; served++) {
  Atomics.wait(running, 0, most); // sleeps while the number of threads is at its limit
  const connection = accept(listener);
  const accepted = clock_gettime(CLOCK_MONOTONIC);
  Atomics.add(running, 0, 1);

  // This returns when the new thread has made its engine. That thread then loads its module, while
  // the next client is accepted.
  const thread = new Worker(module, { type: "module" });
  thread.postMessage({ connection, running, number: served + 1, accepted } satisfies Task);
}

// The process ends when the last thread has ended.
close(listener);
