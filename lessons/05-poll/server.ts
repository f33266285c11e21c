/**
 * Lesson 05 · poll: the server.
 *
 * As with select, one call waits for all sockets at once. But the list is an array of any length,
 * so there is no limit of 1,024. It also outlives the call: only changes have to be written.
 *
 * Run:  deno run --allow-ffi lessons/05-poll/server.ts
 * Try:  deno run --allow-net lessons/05-poll/client.ts
 * Man:  poll(2), accept4(2), recv(2), send(2)
 */

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { poll, POLLIN, PollList } from "../../shared/linux/poll.ts";
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
const list = new PollList();
list.add(listener, POLLIN); // it keeps index 0
let pause: number | undefined; // in milliseconds, without watching the listener
let served = 0;

while (served < options.connections) {
  list.watch(0, pause === undefined ? POLLIN : 0);
  // Phase 1 happens here, for all clients at once. The kernel goes through the whole list.
  poll(list, pause);
  pause = undefined;
  // So does this loop, however few are ready. It goes backwards, because delete() fills the gap
  // with the last entry.
  for (let i = list.length - 1; i > 0; i--) {
    // POLLERR and POLLHUP are always reported, requested or not; recv returns the actual error.
    if (list.revents(i) === 0) continue;
    const connection = connections.get(list.fd(i))!;
    const want = serve(connection);
    if (want !== GONE) list.watch(i, want);
    else {
      list.delete(i);
      drop(connection);
    }
  }
  if (list.revents(0) !== 0) acceptOne();
}

for (const connection of connections.values()) connection.close();
close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) add(new Connection(fd));
  // The listener stays ready while descriptors are short, so the next wait leaves it out.
  else if (isOutOfResources(fd)) pause = 100;
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function add(connection: Connection) {
  connections.set(connection.fd, connection);
  list.add(connection.fd, READ);
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
