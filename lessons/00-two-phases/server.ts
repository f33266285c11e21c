/**
 * Lesson 00 · The two phases of a read: the server.
 *
 * Inside one recv, the thread first waits until data arrives, and then the kernel copies the data
 * into its buffer. The kernel stamps data on arrival, and this timestamp separates the two phases.
 *
 * Run:  deno run --allow-ffi lessons/00-two-phases/server.ts
 * Try:  deno run --allow-net lessons/00-two-phases/client.ts
 * Man:  recvmsg(2), socket(7) (SO_TIMESTAMPNS), clock_gettime(2)
 */

import { close } from "../../shared/linux/descriptors.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import { Message, recvmsg, SO_TIMESTAMPNS } from "../../shared/linux/recvmsg.ts";
import {
  accept,
  addressOf,
  listenTcp,
  sendAll,
  setsockopt,
  SOL_SOCKET,
} from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_REALTIME } from "../../shared/linux/time.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions();
const listener = listenTcp(options);
setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, 1); // accepted sockets inherit it
console.log(`listening on ${addressOf(listener)}`);

const message = new Message(new Uint8Array(1024 * 1024));

for (let served = 0; served < options.connections; served++) {
  serve(accept(listener));
}

close(listener);

function serve(connection: number) {
  let [bytes, calls, waited, copied] = [0, 0, 0, 0];
  try {
    while (true) {
      const start = clock_gettime(CLOCK_REALTIME);
      // Both phases are inside this one call. recvmsg is a recv that also returns the timestamp.
      const length = recvmsg(connection, message);
      const end = clock_gettime(CLOCK_REALTIME);
      if (length === 0) break; // the client has finished sending, and there is no timestamp

      // Phase 1 ends when the data arrives, phase 2 when the call returns. Data that arrived before
      // the call cost no wait.
      const arrival = Math.max(start, message.arrival!);
      waited += arrival - start;
      copied += end - arrival;
      calls++;
      bytes += length;
      sendAll(connection, shout(message.buffer, length), length);
    }
    if (bytes > 0) report(bytes, calls, waited, copied);
  } catch (error) {
    if (!isSystemError(error)) throw error; // a bug in this script, not a broken connection
  } finally {
    close(connection);
  }
}

function report(bytes: number, calls: number, waited: number, copied: number) {
  const size = bytes.toLocaleString("en").padStart(9);
  const [wait, copy] = [waited, copied].map((ms) => ms.toFixed(3).padStart(7));
  console.log(`${size} B in ${calls} recv calls: waited ${wait} ms, woke up and copied ${copy} ms`);
}
