/**
 * Lesson 03 · Non-blocking I/O: the server.
 *
 * Every socket has O_NONBLOCK, so that no call waits any more: it does what it can, or says EAGAIN.
 * One thread serves everybody by asking all of them, again and again, whether there is anything.
 *
 * Run:  deno run --allow-ffi lessons/03-nonblocking/server.ts
 * Try:  deno run --allow-net lessons/03-nonblocking/client.ts
 * Man:  accept4(2), recv(2), send(2), the paragraphs on EAGAIN
 */

import { Connection } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import {
  addressOf,
  isShortage,
  listenTcp,
  SOCK_NONBLOCK,
  tryAccept4,
  tryRecv,
} from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions();
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);

const buffer = new Uint8Array(64 * 1024);
const connections = new Set<Connection>();
let served = 0;

while (served < options.connections) {
  // Is there a new client? Almost always the answer is EAGAIN.
  acceptOne();

  // Has any of them said something, or room for what is left to be sent? Almost always EAGAIN as
  // well, from each of them: the loop never sleeps, and a core is busy with questions.
  for (const connection of connections) {
    if (connection.unsent > 0) flush(connection);
    else answer(connection);
  }
}

for (const connection of connections) connection.close();
close(listener);

function acceptOne() {
  // SOCK_NONBLOCK is asked for here once more, because on Linux an accepted socket does not inherit
  // it from the listener. Without it, recv would sleep on the first client that is silent.
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) connections.add(new Connection(fd));
  // Out of descriptors is not the end, either: the loop asks again anyway.
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED && !isShortage(fd)) {
    throw systemError("accept4", -fd, listener);
  }
}

function answer(connection: Connection) {
  // Phase 1 is not waited for: EAGAIN says that nothing has arrived. Phase 2, the copy, still
  // happens inside this call.
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return;
  // 0 is the end of the input, less is a reset; either way this one client has gone.
  if (length <= 0) return drop(connection);
  // Sending does not wait either: what the kernel has no room for is kept, and sent by flush.
  if (connection.send(shout(buffer, length), length) < 0) drop(connection);
}

function flush(connection: Connection) {
  if (connection.flush() < 0) drop(connection);
}

function drop(connection: Connection) {
  connections.delete(connection);
  connection.close();
  served++;
}
