/**
 * Lesson 21 · Computing off the loop: the server.
 *
 * A message that begins with "work " costs 0.2 s of computing, and here the loop itself does it.
 * Meanwhile it is not in epoll_wait, so nobody is accepted, read or answered.
 *
 * Run:  deno run --allow-ffi lessons/21-computing/server.ts
 * Try:  deno run --allow-net lessons/21-computing/client.ts
 * Man:  epoll(7), epoll_wait(2)
 */

import { type Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { epoll_create1, epoll_wait, EpollEvents } from "../../shared/linux/epoll.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import { addressOf, listenTcp, SOCK_NONBLOCK, tryRecv } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { Connections } from "./connections.ts";
import { compute, isWork } from "./work.ts";

const options = serverOptions();
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);
const buffer = new Uint8Array(64 * 1024);
const epoll = epoll_create1();
const events = new EpollEvents(1024);
const connections = new Connections(epoll, listener);

while (connections.gone < options.connections) {
  // Phase 1 happens here, for all clients at once; the connections are those of lesson 06.
  const ready = epoll_wait(epoll, events, connections.pause);
  connections.resume();
  for (let i = 0; i < ready; i++) {
    const connection = connections.open.get(events.fd(i));
    if (connection !== undefined) connections.watch(connection, serve(connection));
    else connections.accept(); // only the listener is without one
  }
}

connections.close();
close(epoll);

/** Does what one client needs now, and returns what it waits for next. */
function serve(connection: Connection): Want {
  // Replies come first: while a client does not read them, nothing more is read from it.
  if (connection.unsent > 0) return connection.flush();
  // Phase 2, the copy, is inside this call. Phase 1 is not: without data, it returns EAGAIN.
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return READ;
  if (length <= 0) return GONE; // 0 is the end of the input, less is a broken connection
  // Neither a wait nor a copy, and no flag of the socket helps: this thread has something to do.
  if (isWork(buffer, length)) compute(buffer.subarray(0, length));
  return connection.send(shout(buffer, length), length);
}
