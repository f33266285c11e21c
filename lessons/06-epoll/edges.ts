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

import { AcceptPause } from "../../shared/accept_pause.ts";
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
const pause = new AcceptPause((accepting) =>
  epoll_ctl(epoll, EPOLL_CTL_MOD, listener, accepting ? EPOLLIN : 0)
);
let served = 0;

while (served < options.connections) {
  const ready = epoll_wait(epoll, events, pause.timeout);
  pause.endIfOver();
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
  } else if (isOutOfResources(fd)) pause.begin();
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

/** Serves a client until EAGAIN, since what is left now is not reported again. */
function drain(connection: Connection): Want {
  let want = connection.flush();
  for (let turn = 0; want === READ; turn++) {
    // A client that never stops sending would keep us in this loop. Re-arming it makes epoll report
    // it again, after the others.
    if (turn === 16) {
      epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EDGES);
      return READ;
    }
    const length = tryRecv(connection.fd, buffer);
    if (length === -EAGAIN) return READ;
    if (length <= 0) return GONE;
    want = connection.send(shout(buffer, length), length);
  }
  return want; // WRITE ends the loop, too: room in the socket is an edge of its own
}

function drop(connection: Connection) {
  connections.delete(connection.fd);
  connection.close();
  served++;
  pause.end(); // a descriptor is free again
}
