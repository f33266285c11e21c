/**
 * Lesson 02 · A thread for each client: the server.
 *
 * The main thread only accepts. Every client gets a thread of its own, a Worker, in which each call
 * waits as it did in lesson 01, but keeps nobody else waiting. See thread.ts for what a thread
 * does.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/02-threads/server.ts
 * Try:  deno run --allow-net lessons/02-threads/client.ts
 * Man:  accept(2), pthreads(7)
 */

import { close, getrlimit, RLIMIT_NOFILE } from "../../shared/linux/descriptors.ts";
import { accept, addressOf, listenTcp } from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_MONOTONIC } from "../../shared/linux/time.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import type { Task } from "./thread.ts";

const { watch, ...options } = serverOptions();
const module = new URL("./thread.ts", import.meta.url);
requireRead(module);
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

// Each thread brings an engine with an event loop of its own, and its six descriptors. Beyond this
// number, clients wait in the kernel's queue, as those of lesson 01 do.
const most = Math.max(1, Math.min(100, Math.floor((getrlimit(RLIMIT_NOFILE).soft - 40) / 8)));
// How many threads there are: memory that all of them share, so that they can count themselves out.
const running = new Int32Array(new SharedArrayBuffer(4));

for (let served = 0; served < options.connections; served++) {
  Atomics.wait(running, 0, most); // sleeps while there are as many as there may be
  const connection = accept(listener);
  const accepted = clock_gettime(CLOCK_MONOTONIC);
  const number = Atomics.add(running, 0, 1) + 1;

  // Starting the thread does not wait for it: it loads its module while the next one is accepted.
  const thread = new Worker(module, { type: "module" });
  thread.postMessage({ connection, running, number, accepted, watch } satisfies Task);
}

// The process ends by itself when the last thread has ended.
close(listener);
