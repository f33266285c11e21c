/**
 * Lesson 07 · selectors: the server.
 *
 * One interface over select, poll and epoll, of which it takes the best that there is. Each socket
 * is registered with a function, its callback, and the loop knows nothing but to call the functions
 * of those that are ready, one after another.
 *
 * Run:  deno run --allow-ffi lessons/07-selectors/server.ts
 * Try:  deno run --allow-net lessons/07-selectors/client.ts --interactive
 * Man:  select(2), poll(2), epoll(7)
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
import { choice } from "../../shared/options.ts";
import { DefaultSelector, EpollSelector, PollSelector } from "../../shared/selectors.ts";
import { EVENT_READ, EVENT_WRITE, SelectSelector } from "../../shared/selectors.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const SELECTORS = {
  select: SelectSelector,
  poll: PollSelector,
  epoll: EpollSelector,
  default: DefaultSelector,
};

const options = serverOptions({
  selector: choice(["select", "poll", "epoll", "default"], "default", "what waits for the sockets"),
});
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);

const buffer = new Uint8Array(64 * 1024);
using selector = new SELECTORS[options.selector]<() => void>();
let pausedUntil = 0; // since descriptors were short
let served = 0;

selector.register(listener, EVENT_READ, acceptOne);

while (served < options.connections) {
  // Phase 1 is waited for here, for all clients together.
  const ready = selector.select(pausedUntil === 0 ? undefined : 100);
  // The callbacks run one after another, in this thread: while one of them runs, no other does.
  for (const { data: callback } of ready) callback();
  if (pausedUntil !== 0 && performance.now() > pausedUntil) accept(true);
}

close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) {
    const connection = new Connection(fd);
    try {
      selector.register(fd, EVENT_READ, () => answer(connection));
    } catch (error) {
      connection.close(); // it does not fit into select's set
      console.error(`turned away: ${(error as Error).message}`);
    }
  } else if (isShortage(fd)) accept(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function accept(yes: boolean) {
  pausedUntil = yes ? 0 : performance.now() + 100;
  selector.modify(listener, yes ? EVENT_READ : 0, acceptOne);
}

function answer(connection: Connection) {
  const length = tryRecv(connection.fd, buffer); // phase 2, the copy
  if (length === -EAGAIN) return;
  if (length <= 0) return drop(connection);
  const unsent = connection.send(shout(buffer, length), length);
  if (unsent < 0) return drop(connection);
  // Another event now, and another callback: where this client stands is written down in which
  // function comes next, and nowhere else.
  if (unsent > 0) selector.modify(connection.fd, EVENT_WRITE, () => flush(connection));
}

function flush(connection: Connection) {
  const unsent = connection.flush();
  if (unsent < 0) return drop(connection);
  if (unsent === 0) selector.modify(connection.fd, EVENT_READ, () => answer(connection));
}

function drop(connection: Connection) {
  selector.unregister(connection.fd);
  connection.close();
  served++;
  accept(true);
}
