/**
 * Lesson 22 · A server's life: the server.
 *
 * Lesson 06's server, with limits: to silence (--idle), to a visit (--deadline), to the number of
 * clients (--limit). On SIGTERM it accepts no more, lets its clients finish (for --grace ms at the
 * most), and ends. A second SIGTERM ends it at once.
 *
 * Run:  deno run --allow-ffi lessons/22-lifetime/server.ts
 * Try:  deno run --allow-net lessons/22-lifetime/client.ts
 * Man:  timerfd_create(2), signalfd(2), epoll(7), sd_listen_fds(3)
 */

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close, read } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
} from "../../shared/linux/epoll.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import { processSignalfd, SIGTERM } from "../../shared/linux/signal.ts";
import { addressOf, tryRecv } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { Clients, LIMITS } from "./clients.ts";
import { Listener } from "./listener.ts";

const options = serverOptions(LIMITS);
const signals = processSignalfd(SIGTERM); // from here on, SIGTERM is something to read
const buffer = new Uint8Array(64 * 1024);
const clients = new Clients(options);
const epoll = epoll_create1();
const events = new EpollEvents(1024);
for (const fd of [clients.timerfd, signals]) epoll_ctl(epoll, EPOLL_CTL_ADD, fd, READ);
const listener = new Listener(epoll, options);
console.log(`listening on ${addressOf(listener.fd)}`);
let [served, isEnding] = [0, false];

while (served < options.connections && !(isEnding && clients.size === 0)) {
  // Phase 1 happens here, for clients, time and signals at once.
  const ready = epoll_wait(epoll, events, listener.pause);
  if (listener.pause !== undefined) listener.watch(true);
  let [late, signalled] = [false, false];
  for (let i = 0; i < ready; i++) {
    const fd = events.fd(i);
    const connection = clients.get(fd);
    if (connection !== undefined) advance(connection);
    else if (fd === listener.fd) acceptOne();
    else if (fd === clients.timerfd) late = true;
    else signalled = true;
  }
  // What follows closes descriptors that the list above may still name, so it comes last.
  if (late) { for (const connection of clients.takeLate()) drop(connection); }
  if (!signalled) continue;
  if (isEnding) break; // the second SIGTERM
  isEnding = read(signals, buffer) > 0; // the descriptor waits for the second one from here on
  while (acceptOne()); // those in the queue are connected already, and would be reset
  listener.close();
  clients.finish(options.grace);
}

listener.close();
clients.close();
for (const fd of [signals, epoll]) close(fd);

function acceptOne(): boolean {
  const fd = listener.accept(clients.size < options.limit);
  if (fd === undefined) return false;
  clients.add(new Connection(fd));
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, READ);
  return true;
}

function advance(connection: Connection) {
  const { want } = connection;
  const next = serve(connection);
  if (next === GONE) return drop(connection);
  if (next !== want) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, next);
  clients.moved(connection);
}

/** Does what one client needs now, and returns what it waits for next. */
function serve(connection: Connection): Want {
  // Replies come first: while a client does not read them, nothing more is read from it.
  if (connection.unsent > 0) return connection.flush();
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return READ;
  if (length <= 0) return GONE; // 0 is the end of the input, less is a broken connection
  return connection.send(shout(buffer, length), length);
}

function drop(connection: Connection) {
  clients.delete(connection);
  connection.close();
  listener.watch(true); // there is room for one more
  served++;
}
