/**
 * Lesson 00 · The two phases of a read: the server that splits each recv into two calls.
 *
 * With MSG_TRUNC, recv waits and reports how much has arrived, but copies nothing. MSG_PEEK leaves
 * the data in the kernel. So the first call is phase 1, and the second is phase 2.
 *
 * Run:  deno run --allow-ffi lessons/00-two-phases/two-calls.ts
 * Try:  deno run --allow-net lessons/00-two-phases/client.ts
 * Man:  recv(2) (MSG_PEEK), tcp(7) (MSG_TRUNC)
 */

import { close } from "../../shared/linux/descriptors.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import {
  accept,
  addressOf,
  listenTcp,
  MSG_PEEK,
  MSG_TRUNC,
  recv,
  sendAll,
} from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions();
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

const buffer = new Uint8Array(1024 * 1024);

for (let served = 0; served < options.connections; served++) {
  serve(accept(listener));
}

close(listener);

function serve(connection: number) {
  let [bytes, calls, waited, copied] = [0, 0, 0, 0];
  try {
    while (true) {
      const start = performance.now();
      // Phase 1 alone. Without MSG_PEEK, MSG_TRUNC would discard the data.
      recv(connection, buffer, buffer.length, MSG_PEEK | MSG_TRUNC);
      const arrived = performance.now();
      // Phase 2 alone: the data is there.
      const length = recv(connection, buffer);
      const end = performance.now();
      if (length === 0) break; // the client has finished sending

      waited += arrived - start;
      copied += end - arrived;
      calls++;
      bytes += length;
      sendAll(connection, shout(buffer, length), length);
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
  console.log(`${size} B in ${calls} pairs of recv calls: waited ${wait} ms, copied ${copy} ms`);
}
