/**
 * Lesson 06 · epoll: the server.
 *
 * The kernel keeps the list of sockets and returns only those that are ready, so neither side ever
 * looks at the idle ones. It is level-triggered: epoll reports a socket while it is ready.
 *
 * Run:  deno run --allow-ffi lessons/06-epoll/server.ts
 * Try:  deno run --allow-ffi --allow-net lessons/06-epoll/client.ts
 * Man:  epoll(7), epoll_create1(2), epoll_ctl(2), epoll_wait(2)
 */

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
} from "../../shared/linux/epoll.ts";
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
const epoll = epoll_create1();
const events = new EpollEvents(1024);
epoll_ctl(epoll, EPOLL_CTL_ADD, listener, READ);
let pause: number | undefined;
let served = 0;

while (served < options.connections) {
  // Phase 1 happens here, for all clients at once. Only sockets that are ready are returned.
  const ready = epoll_wait(epoll, events, pause);
  if (pause !== undefined) watchListener(true);
  for (let i = 0; i < ready; i++) {
    const connection = connections.get(events.fd(i));
    // EPOLLERR and EPOLLHUP are always reported, requested or not; recv returns the actual error.
    if (connection !== undefined) advance(connection);
    else acceptOne(); // only the listener is without one
  }
}

for (const connection of connections.values()) connection.close();
close(listener);
close(epoll);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) {
    connections.set(fd, new Connection(fd));
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, READ);
  } else if (isOutOfResources(fd)) watchListener(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

// While descriptors are short, the listener stays ready, and watching it would spin. So the next
// wait leaves it out, and lasts 100 ms at most.
function watchListener(watch: boolean) {
  epoll_ctl(epoll, EPOLL_CTL_MOD, listener, watch ? READ : 0);
  pause = watch ? undefined : 100;
}

function advance(connection: Connection) {
  const { want } = connection;
  const next = serve(connection);
  if (next === GONE) drop(connection);
  else if (next !== want) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, next);
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
  connection.close(); // also removes it from the kernel's list
  served++;
}
