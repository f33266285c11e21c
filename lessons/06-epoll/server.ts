/**
 * Lesson 06 · epoll: the server.
 *
 * The kernel keeps the list of sockets itself and hands over only those that are ready, so that
 * neither side ever looks at the idle ones. Level-triggered, it tells as long as a socket is ready;
 * edge-triggered, only when it becomes so.
 *
 * Run:  deno run --allow-ffi lessons/06-epoll/server.ts
 * Try:  deno run --allow-ffi --allow-net lessons/06-epoll/client.ts
 * Man:  epoll(7), epoll_create1(2), epoll_ctl(2), epoll_wait(2)
 */

import { Connection } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { epoll_ctl, EPOLL_CTL_ADD, EPOLL_CTL_MOD } from "../../shared/linux/epoll.ts";
import { epoll_create1, epoll_wait, EpollEvents } from "../../shared/linux/epoll.ts";
import { EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../../shared/linux/epoll.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { addressOf, isShortage, listenTcp, SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import { tryAccept4, tryRecv } from "../../shared/linux/socket.ts";
import { flag } from "../../shared/options.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const EDGES = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

const options = serverOptions({ edgeTriggered: flag("tell when it becomes ready, and only then") });
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);

const buffer = new Uint8Array(64 * 1024);
const connections: Connection[] = []; // by descriptor
const events = new EpollEvents(1024);
const epoll = epoll_create1();
epoll_ctl(epoll, EPOLL_CTL_ADD, listener, EPOLLIN); // always level-triggered
let pausedUntil = 0; // since descriptors were short
let served = 0;

while (served < options.connections) {
  // Phase 1 is waited for here, for all clients together, and only those that are ready come back.
  const ready = epoll_wait(epoll, events, pausedUntil === 0 ? -1 : 100);
  if (pausedUntil !== 0 && performance.now() > pausedUntil) accept(true);

  for (let i = 0; i < ready; i++) {
    const fd = events.fd(i);
    if (fd === listener) acceptOne();
    // EPOLLERR and EPOLLHUP are told without being asked for; recv and send then say what it is.
    else if (options.edgeTriggered) drain(connections[fd]);
    else if (connections[fd].unsent > 0) flush(connections[fd]);
    else answer(connections[fd]);
  }
}

close(epoll); // the clients that are left are closed by the kernel, when the process ends
close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) {
    connections[fd] = new Connection(fd);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, options.edgeTriggered ? EDGES : EPOLLIN);
  } // While descriptors are short, the listener stays ready: asking again at once would spin.
  else if (isShortage(fd)) accept(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function accept(yes: boolean) {
  if (yes !== (pausedUntil === 0)) epoll_ctl(epoll, EPOLL_CTL_MOD, listener, yes ? EPOLLIN : 0);
  pausedUntil = yes ? 0 : performance.now() + 100;
}

/** Level-triggered: one recv is enough, since epoll_wait tells again if there is more. */
function answer(connection: Connection) {
  const length = tryRecv(connection.fd, buffer); // phase 2, the copy
  if (length === -EAGAIN) return;
  if (length <= 0) return drop(connection);
  const unsent = connection.send(shout(buffer, length), length);
  if (unsent < 0) return drop(connection);
  // Until this client has read its reply, nothing more is read from it.
  if (unsent > 0) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EPOLLOUT);
}

function flush(connection: Connection) {
  const unsent = connection.flush();
  if (unsent < 0) return drop(connection);
  if (unsent === 0) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EPOLLIN);
}

/** Edge-triggered: what is not taken now is not told again, so it goes on until EAGAIN. */
function drain(connection: Connection) {
  let unsent = connection.flush();
  for (let turn = 0; unsent === 0; turn++) {
    // One who never stops would keep it here. Armed again, it tells of him again, after the others.
    if (turn === 16) return epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EDGES);
    const length = tryRecv(connection.fd, buffer);
    if (length === -EAGAIN) return;
    if (length <= 0) return drop(connection);
    unsent = connection.send(shout(buffer, length), length);
  }
  // Kept bytes end the loop as well: when there is room for them again, that is an edge.
  if (unsent < 0) drop(connection);
}

function drop(connection: Connection) {
  delete connections[connection.fd];
  connection.close(); // which also takes it out of epoll's list
  served++;
  accept(true);
}
