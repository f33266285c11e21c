/**
 * Lesson 03 · Non-blocking I/O: the server.
 *
 * Every socket has O_NONBLOCK, so no call waits any more: it does what it can, or returns EAGAIN.
 * One thread serves all clients by polling them, again and again.
 *
 * Run:  deno run --allow-ffi lessons/03-nonblocking/server.ts
 * Try:  deno run --allow-net lessons/03-nonblocking/client.ts
 * Man:  accept4(2), recv(2), send(2), the paragraphs on EAGAIN
 */

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import {
  addressOf,
  isOutOfResources,
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
const connections = new Map<number, Connection>();
let served = 0;

while (served < options.connections) {
  // Is there a new client? Almost always the answer is EAGAIN.
  acceptOne();

  // Does any client have data, or room for its reply? Almost always EAGAIN again, from each of
  // them. The loop never sleeps: its questions alone keep a core busy.
  for (const connection of connections.values()) {
    if (serve(connection) === GONE) drop(connection);
  }
}

for (const connection of connections.values()) connection.close();
close(listener);

function acceptOne() {
  // On Linux, an accepted socket does not inherit O_NONBLOCK from the listener, so it is set here
  // again. Without it, recv would sleep on the first silent client.
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) connections.set(fd, new Connection(fd));
  // Without a free descriptor, the client stays in the queue, and the next round tries again.
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED && !isOutOfResources(fd)) {
    throw systemError("accept4", -fd, listener);
  }
}

/** Does what one client needs now, and returns what it waits for next. */
function serve(connection: Connection): Want {
  // Replies come first: while a client does not read them, nothing more is read from it.
  if (connection.unsent > 0) return connection.flush();
  // Phase 2, the copy, is inside this call. Phase 1 is not: without data, it returns EAGAIN.
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return READ;
  if (length <= 0) return GONE; // 0 is the end of the input, less is a broken connection
  // What the socket does not take is kept, and sent by flush.
  return connection.send(shout(buffer, length), length);
}

function drop(connection: Connection) {
  connections.delete(connection.fd);
  connection.close();
  served++;
}
