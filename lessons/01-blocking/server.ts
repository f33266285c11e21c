/**
 * Lesson 01 · Blocking I/O: the server.
 *
 * One thread, and every call waits. While it waits for one client, no other client is accepted,
 * read or answered.
 *
 * Run:  deno run --allow-ffi lessons/01-blocking/server.ts
 * Try:  deno run --allow-net lessons/01-blocking/client.ts
 * Man:  accept(2), recv(2), send(2)
 */

import { close } from "../../shared/linux/descriptors.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import { accept, addressOf, listenTcp, recv, sendAll } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions();
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

const buffer = new Uint8Array(64 * 1024);

for (let served = 0; served < options.connections; served++) {
  // Sleeps until a client connects. Meanwhile the kernel completes the handshakes of other clients
  // and queues up to 4,096 of them: they are connected, but not served yet.
  serve(accept(listener));
}

close(listener);

function serve(connection: number) {
  try {
    while (true) {
      // Phase 1, the wait, and phase 2, the copy, are both inside this one call. If this client
      // sends nothing, the thread sleeps here, and with it the whole server.
      const length = recv(connection, buffer);
      if (length === 0) break; // the client has finished sending

      // This call waits, too, when the client does not read and the kernel's buffers are full.
      sendAll(connection, shout(buffer, length), length);
    }
  } catch (error) {
    // A reset or a broken pipe ends this connection alone. Any other error is a bug in this script.
    if (!isSystemError(error)) throw error;
  } finally {
    close(connection);
  }
}
