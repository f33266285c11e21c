/**
 * Lesson 02 · A thread for each client: what each thread does.
 *
 * The inner loop of lesson 01. Every recv still waits in both phases, but it holds up only the
 * thread of its own client.
 */
/// <reference lib="deno.worker" />

import { close } from "../../shared/linux/descriptors.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import { recv, sendAll } from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_MONOTONIC } from "../../shared/linux/time.ts";
import { shout } from "../../shared/shout.ts";

/** What the main thread hands to a new one. */
export interface Task {
  /** The client's socket. Descriptors belong to the process, so every thread can use them. */
  connection: number;
  /** The number of threads, in memory that all of them share. */
  running: Int32Array;
  /** The thread's number, from 1 on. */
  number: number;
  /** When its client was accepted, in milliseconds of CLOCK_MONOTONIC. */
  accepted: number;
}

const buffer = new Uint8Array(64 * 1024);

self.onmessage = ({ data: task }: MessageEvent<Task>) => {
  if ([1, 10, 50, 100].includes(task.number)) report(task);
  serve(task.connection);
  // The main thread may be waiting for a thread to end.
  Atomics.sub(task.running, 0, 1);
  Atomics.notify(task.running, 0);
  self.close();
};

function serve(connection: number) {
  try {
    while (true) {
      // Phases 1 and 2. This thread sleeps here until its client sends something.
      const length = recv(connection, buffer);
      if (length === 0) break; // the client has finished sending
      sendAll(connection, shout(buffer, length), length);
    }
  } catch (error) {
    // A reset or a broken pipe ends this connection alone. Any other error is a bug in this script.
    if (!isSystemError(error)) throw error;
  } finally {
    close(connection);
  }
}

function report({ number, accepted }: Task) {
  const began = (clock_gettime(CLOCK_MONOTONIC) - accepted).toFixed(1);
  const resident = Math.round(Deno.memoryUsage().rss / 2 ** 20);
  const start = `thread ${number} began ${began} ms after its client was accepted`;
  console.log(`${start}; the process has ${resident} MiB`);
}
