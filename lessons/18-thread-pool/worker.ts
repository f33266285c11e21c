/**
 * Lesson 18 · A thread pool: what each thread does that takes clients out of the queue.
 *
 * The loop of thread.ts, with another source of clients: the call that waits for the next one is no
 * system call of a socket, but waits for a change in memory.
 */
/// <reference lib="deno.worker" />

import { BoundedQueue } from "../../shared/bounded_queue.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import { recv, sendAll } from "../../shared/linux/socket.ts";
import { shout } from "../../shared/shout.ts";

const buffer = new Uint8Array(64 * 1024);

self.onmessage = ({ data: memory }: MessageEvent<SharedArrayBuffer>) => {
  self.postMessage("begun");
  const queue = new BoundedQueue(memory);
  // Sleeps until the main thread has put a client into the queue, or has closed it.
  for (let connection; (connection = queue.take()) !== undefined;) serve(connection);
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
