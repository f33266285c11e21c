/**
 * Lesson 18 · A thread pool: what each thread does.
 *
 * All of lesson 01's server: accept, serve, and again. A thread that sleeps in recv serves one
 * client, and the other threads accept the next ones, until none of them is left.
 */
/// <reference lib="deno.worker" />

import { close } from "../../shared/linux/descriptors.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import { accept, recv, sendAll } from "../../shared/linux/socket.ts";
import { shout } from "../../shared/shout.ts";

/** What the main thread hands to each of the others. */
export interface Task {
  /** The listening socket. Descriptors belong to the process, so every thread can use it. */
  listener: number;
  /** How many clients all threads have accepted, or are about to. */
  accepted: Int32Array;
  /** How many clients they serve before they end. */
  connections: number;
}

const buffer = new Uint8Array(64 * 1024);

self.onmessage = ({ data: { listener, accepted, connections } }: MessageEvent<Task>) => {
  self.postMessage("begun");
  // Each thread takes a number before it accepts. If it took one afterwards, the others would sleep
  // in accept when the last client has gone, and would have to be woken for the end.
  while (Atomics.add(accepted, 0, 1) < connections) {
    // Sleeps until the kernel chooses this thread. It waits here exclusively: a client wakes one of
    // the threads that wait like this, and not all.
    serve(accept(listener));
  }
  self.close();
};

function serve(connection: number) {
  try {
    while (true) {
      // Phases 1 and 2. As long as this client is silent, the pool has one thread less.
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
