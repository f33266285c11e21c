/**
 * Lesson 06 · epoll: the edge-triggered server.
 *
 * With EPOLLET, epoll reports a socket once, when it becomes ready, and nothing has to be changed
 * in the kernel's list afterwards. In return, the server has to read until EAGAIN: what it leaves
 * unread is not reported again.
 *
 * Run:  deno run --allow-ffi lessons/06-epoll/edges.ts
 * Try:  deno run --allow-ffi --allow-net lessons/06-epoll/client.ts
 * Man:  epoll(7), the section "Level-triggered and edge-triggered"
 */

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  epoll_wait,
  EPOLLET,
  EpollEvents,
  EPOLLIN,
  EPOLLOUT,
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

const EDGES = EPOLLIN | EPOLLOUT | EPOLLET;

const options = serverOptions();
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);
const buffer = new Uint8Array(64 * 1024);
const connections = new Map<number, Connection>();
const epoll = epoll_create1();
const events = new EpollEvents(1024);
epoll_ctl(epoll, EPOLL_CTL_ADD, listener, EPOLLIN); // the listener stays level-triggered
let pause: number | undefined;
let served = 0;

while (served < options.connections) {
  const ready = epoll_wait(epoll, events, pause);
  if (pause !== undefined) watchListener(true);
  for (let i = 0; i < ready; i++) {
    const fd = events.fd(i);
    if (fd === listener) acceptOne();
    else if (drain(connections.get(fd)!) === GONE) drop(connections.get(fd)!);
  }
}

for (const connection of connections.values()) connection.close();
close(listener);
close(epoll);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) {
    connections.set(fd, new Connection(fd));
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, EDGES); // reports data that is already there
  } else if (isOutOfResources(fd)) watchListener(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

// While descriptors are short, the listener stays ready, and watching it would spin. So the next
// wait leaves it out, and lasts 100 ms at most.
function watchListener(watch: boolean) {
  epoll_ctl(epoll, EPOLL_CTL_MOD, listener, watch ? EPOLLIN : 0);
  pause = watch ? undefined : 100;
}

/** Serves a client until EAGAIN, since what is left now is not reported again. */
function drain(connection: Connection): Want {
  let want = connection.flush();
  for (let turn = 0; want === READ && turn < 16; turn++) {
    const length = tryRecv(connection.fd, buffer);
    if (length === -EAGAIN) return READ;
    if (length <= 0) return GONE;
    want = connection.send(shout(buffer, length), length);
  }
  // A client that never stops sending would keep us in the loop. Re-arming it makes epoll report it
  // again, after the others. WRITE needs none: room in the socket is an edge of its own.
  if (want === READ) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EDGES);
  return want;
}

function drop(connection: Connection) {
  connections.delete(connection.fd);
  connection.close();
  served++;
}
