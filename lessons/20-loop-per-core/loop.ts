/**
 * Lesson 20 · A loop for each core: what each thread does.
 *
 * The loop of lesson 06, with its own connections. The main thread fills its epoll instance.
 */
/// <reference lib="deno.worker" />

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
} from "../../shared/linux/epoll.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { writeEventfd } from "../../shared/linux/eventfd.ts";
import { isOutOfResources, SOCK_NONBLOCK, tryAccept4, tryRecv } from "../../shared/linux/socket.ts";
import { shout } from "../../shared/shout.ts";
import { countClient, countGone, countWakeUp, isOver } from "./loops.ts";

/** What the main thread hands to a new one. */
export interface Task {
  loop: number; // its number, from 0 on
  epoll: number; // its epoll instance
  listener?: number; // where it accepts clients, if it is not handed them
  interest?: number; // what it watches the listener for
  end: number; // an eventfd, which is readable when all loops have to end
  counts: Int32Array; // see loops.ts
}

self.postMessage("ready");
const { data } = await new Promise<MessageEvent<Task>>((resolve) => self.onmessage = resolve);
const { loop, epoll, listener, interest, end, counts } = data;
const [buffer, events] = [new Uint8Array(64 * 1024), new EpollEvents(1024)];
const connections = new Map<number, Connection>();
let pause: number | undefined;

while (!isOver(counts)) {
  const ready = epoll_wait(epoll, events, pause);
  if (pause !== undefined) watchListener(true);
  for (let i = 0; i < ready; i++) {
    const fd = events.fd(i);
    if (fd === listener) acceptOne();
    else if (fd !== end) advance(connections.get(fd) ?? adopt(fd));
  }
}

for (const connection of connections.values()) connection.close();
close(epoll);
self.postMessage("ended");
self.close();

function acceptOne() {
  countWakeUp(counts, loop);
  const fd = tryAccept4(listener!, SOCK_NONBLOCK);
  if (fd >= 0) {
    countClient(counts, loop);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, READ);
  } else if (isOutOfResources(fd)) watchListener(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

// As in lesson 06, but MOD is not allowed with EPOLLEXCLUSIVE, which shared.ts uses.
function watchListener(watch: boolean) {
  epoll_ctl(epoll, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener!, interest);
  pause = watch ? undefined : 100;
}

/** A new client: accepted above, or put into the epoll instance by handing.ts. */
function adopt(fd: number): Connection {
  return connections.set(fd, new Connection(fd)).get(fd)!;
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
  if (countGone(counts)) writeEventfd(end); // wakes the other loops as well
}
