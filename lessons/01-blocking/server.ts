/**
 * Lesson 01 · Blocking I/O: the server.
 *
 * One thread, and every call waits. While it waits for one client, nobody else is accepted, read or
 * answered.
 *
 * Run:  deno run --allow-ffi lessons/01-blocking/server.ts
 * Try:  deno run --allow-net lessons/01-blocking/client.ts
 * Man:  accept(2), recv(2), send(2)
 */

import { close } from "../../shared/linux/descriptors.ts";
import { accept, addressOf, listenTcp, recv, sendAll } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions();
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

const buffer = new Uint8Array(64 * 1024);

for (let served = 0; served < options.connections; served++) {
  // Sleeps until somebody connects. The kernel completes the handshake of everybody else meanwhile
  // and keeps up to 4,096 of them in a queue, so they believe that they are being served.
  const connection = accept(listener);
  try {
    while (true) {
      // Phase 1, the wait, and phase 2, the copy, are both inside this one call. If this client
      // says nothing, the thread sleeps here, and with it the whole server.
      const length = recv(connection, buffer);
      if (length === 0) break; // the client has said all it had to say

      // Waits as well, if the client does not read and the kernel's buffers are full.
      sendAll(connection, shout(buffer, length), length);
    }
  } catch (error) {
    // A reset or a broken pipe is this client's affair; the next one is served as usual.
    console.error(`client ${served + 1}: ${(error as Error).message}`);
  } finally {
    close(connection);
  }
}

close(listener);
