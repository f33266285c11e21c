/**
 * Lesson 05 · poll: the server.
 *
 * As with select, one call waits for all sockets at once. But the list is an array that is as long
 * as it has to be, so there is no limit of 1,024, and it outlives the call: only what changes is
 * changed.
 *
 * Run:  deno run --allow-ffi lessons/05-poll/server.ts
 * Try:  deno run --allow-net lessons/05-poll/client.ts
 * Man:  poll(2), accept4(2), recv(2), send(2)
 */

import { Connection } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { poll, POLLIN, PollList, POLLOUT } from "../../shared/linux/poll.ts";
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
// connections[i] is the client whose descriptor stands at place i of the list; the listener has
// place 0, and no connection.
const list = new PollList();
const connections: (Connection | null)[] = [null];
list.add(listener, POLLIN);
let pausedUntil = 0; // since descriptors were short
let served = 0;

while (served < options.connections) {
  // Phase 1 is waited for here, for all clients together. The kernel looks at the whole list.
  poll(list, pausedUntil === 0 ? -1 : 100);

  // And so does this loop, however few are ready. It goes backwards because dropping a client moves
  // the last one into its place.
  for (let place = list.length - 1; place > 0; place--) {
    // POLLERR and POLLHUP are told without being asked for; recv and send then say what it is.
    if (list.revents(place) === 0) continue;
    if (connections[place]!.unsent > 0) flush(place);
    else answer(place);
  }
  if (pausedUntil !== 0 && performance.now() > pausedUntil) accept(true);
  if (list.revents(0) !== 0) acceptOne();
}

for (const connection of connections) connection?.close();
close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) {
    connections.push(new Connection(fd));
    list.add(fd, POLLIN);
  } // While descriptors are short, the listener stays ready: asking again at once would spin.
  else if (isShortage(fd)) accept(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function accept(yes: boolean) {
  pausedUntil = yes ? 0 : performance.now() + 100;
  list.watch(0, yes ? POLLIN : 0);
}

function answer(place: number) {
  const connection = connections[place]!;
  // Phase 2, the copy.
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return;
  if (length <= 0) return drop(place);
  const unsent = connection.send(shout(buffer, length), length);
  if (unsent < 0) return drop(place);
  // Until this client has read its reply, nothing more is read from it.
  if (unsent > 0) list.watch(place, POLLOUT);
}

function flush(place: number) {
  const unsent = connections[place]!.flush();
  if (unsent < 0) return drop(place);
  if (unsent === 0) list.watch(place, POLLIN);
}

function drop(place: number) {
  connections[place]!.close();
  list.delete(place);
  const last = connections.pop()!;
  if (place < connections.length) connections[place] = last;
  served++;
  accept(true);
}
