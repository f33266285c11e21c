/**
 * Lesson 18 · A thread pool: one thread accepts, and the others take from a queue.
 *
 * The main thread puts each client into a queue in memory that all threads share. When the queue is
 * full, accepting waits. worker.ts shows what the other threads do.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/18-thread-pool/queue.ts
 * Try:  deno run --allow-net lessons/18-thread-pool/client.ts
 * Man:  accept(2), futex(2)
 */

import { BoundedQueue } from "../../shared/bounded_queue.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { accept, addressOf, listenTcp } from "../../shared/linux/socket.ts";
import { number } from "../../shared/options.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import { mostThreads } from "../../shared/workers.ts";

const options = serverOptions({
  threads: number(8, "how many threads serve, one client at a time each", 1, 100),
  queue: number(16, "how many clients may wait for a thread", 1, 10_000),
});
const module = new URL("./worker.ts", import.meta.url);
requireRead(module);
const listener = listenTcp(options);

const queue = BoundedQueue.of(options.queue);
const count = mostThreads(options.threads);
const threads = Array.from({ length: count }, () => new Worker(module, { type: "module" }));

for (const thread of threads) {
  thread.postMessage(queue.memory);
  await new Promise((begun) => thread.onmessage = begun);
}

console.log(`listening on ${addressOf(listener)}`);
console.log(`threads that serve: ${count}; room in the queue: ${queue.capacity}`);

for (let served = 0; served < options.connections; served++) {
  // Sleeps in accept until a client connects, and in put while the queue is full.
  queue.put(accept(listener));
}

// The threads serve those that are in the queue, and end. With the last of them, the process ends.
queue.close();
close(listener);
