/**
 * Lesson 04 · I/O multiplexing with select: the server.
 *
 * One thread, and one call that waits for all sockets at once. It sleeps until at least one of them
 * is ready, and reports which, so recv and send no longer have to poll.
 *
 * Run:  deno run --allow-ffi lessons/04-select/server.ts
 * Try:  deno run --allow-net lessons/04-select/client.ts
 * Man:  select(2), accept4(2), recv(2), send(2)
 */

import { Connection, GONE, READ, type Want, WRITE } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { FD_SETSIZE, FdSet, select } from "../../shared/linux/select.ts";
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
const readable = new FdSet();
const writable = new FdSet();
let pause: number | undefined; // in milliseconds, without watching the listener
let turnedAway = 0;
let served = 0;

while (served < options.connections) {
  // select overwrites its sets with the answer, so they are filled again for every call.
  readable.clear();
  writable.clear();
  if (pause === undefined) readable.add(listener);
  let highest = listener;
  for (const [fd, { want }] of connections) {
    (want === WRITE ? writable : readable).add(fd);
    if (fd > highest) highest = fd;
  }

  // Phase 1 happens here, for all clients at once, while the thread sleeps. The kernel checks every
  // descriptor up to the highest; the loops before and after it go through every client as well.
  select(highest + 1, readable, writable, null, pause);
  pause = undefined;
  for (const [fd, connection] of connections) {
    if (!readable.has(fd) && !writable.has(fd)) continue;
    if (serve(connection) === GONE) drop(connection);
  }
  if (readable.has(listener)) acceptOne();
}

for (const connection of connections.values()) connection.close();
close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= FD_SETSIZE) turnAway(fd);
  else if (fd >= 0) connections.set(fd, new Connection(fd));
  // The listener stays ready while descriptors are short, so the next wait leaves it out.
  else if (isOutOfResources(fd)) pause = 100;
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function turnAway(fd: number) {
  close(fd);
  if (turnedAway++ > 0) return;
  console.error(`turned away: descriptor ${fd} does not fit into an fd_set of ${FD_SETSIZE}`);
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
