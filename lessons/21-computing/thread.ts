/**
 * Lesson 21 · Computing off the loop: what each thread of the pool does.
 *
 * It knows no client and no socket. It takes a message, computes, and wakes the loop, which sleeps
 * in epoll_wait: a change in memory alone would not wake it, but the eventfd does.
 */
/// <reference lib="deno.worker" />

import { writeEventfd } from "../../shared/linux/eventfd.ts";
import { Jobs, type JobsMemory } from "./jobs.ts";
import { compute } from "./work.ts";

/** What the main thread hands to each of the others. */
export interface Task {
  /** The messages. */
  memory: JobsMemory;
  /** The eventfd that wakes the loop. Descriptors belong to the process, memory does not. */
  done: number;
}

self.onmessage = ({ data: { memory, done } }: MessageEvent<Task>) => {
  self.postMessage("begun");
  const jobs = new Jobs(memory);
  // Sleeps until the loop has put a message into the queue, or has closed it.
  for (let place; (place = jobs.take()) !== undefined;) {
    const message = jobs.message(place);
    if (message.length > 0) compute(message); // else its client has gone meanwhile
    // The result first: the loop has to find it when it wakes up.
    jobs.finish(place);
    writeEventfd(done);
  }
  self.close();
};
