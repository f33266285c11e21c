/**
 * Lesson 04 · I/O multiplexing with select: the server.
 *
 * One thread, and one call that waits for all sockets at once. It sleeps until at least one of them
 * is ready, and says which; recv and send then find something to do at once.
 *
 * Run:  deno run --allow-ffi lessons/04-select/server.ts
 * Try:  deno run --allow-net lessons/04-select/client.ts
 * Man:  select(2), accept4(2), recv(2), send(2)
 */

import { Connection } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { FD_SETSIZE, FdSet, select } from "../../shared/linux/select.ts";
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
const connections = new Map<number, Connection>();
const readable = new FdSet();
const writable = new FdSet();
let pausedUntil = 0; // since descriptors were short
let turnedAway = 0;
let served = 0;

while (served < options.connections) {
  // select overwrites its sets with the answer, so the question is written anew for every call.
  readable.clear();
  writable.clear();
  if (pausedUntil === 0) readable.add(listener);
  let highest = listener;
  for (const [fd, { unsent }] of connections) {
    (unsent > 0 ? writable : readable).add(fd);
    if (fd > highest) highest = fd;
  }

  // Phase 1 is waited for here, for all clients together, and the thread sleeps meanwhile. The
  // kernel looks at every descriptor up to the highest, and so do the loops before and after.
  select(highest + 1, readable, writable, null, pausedUntil === 0 ? undefined : 100);

  if (performance.now() > pausedUntil) pausedUntil = 0;
  if (readable.has(listener)) acceptOne();
  for (const [fd, connection] of connections) {
    if (readable.has(fd)) answer(connection);
    else if (writable.has(fd)) flush(connection);
  }
}

for (const connection of connections.values()) connection.close();
close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= FD_SETSIZE) turnAway(fd);
  else if (fd >= 0) connections.set(fd, new Connection(fd));
  // While descriptors are short, the listener stays ready: asking again at once would spin.
  else if (isShortage(fd)) pausedUntil = performance.now() + 100;
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function turnAway(fd: number) {
  close(fd);
  if (turnedAway++ > 0) return;
  console.error(`turned away: descriptor ${fd} does not fit into an fd_set of ${FD_SETSIZE}`);
}

function answer(connection: Connection) {
  // Phase 2, the copy. The socket is non-blocking all the same: ready is a hint, and what was there
  // when select returned may be gone by now.
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return;
  if (length <= 0) return drop(connection);
  if (connection.send(shout(buffer, length), length) < 0) drop(connection);
}

function flush(connection: Connection) {
  if (connection.flush() < 0) drop(connection);
}

function drop(connection: Connection) {
  connections.delete(connection.fd);
  connection.close();
  served++;
  pausedUntil = 0;
}
