/**
 * Lesson 21 · Computing off the loop: the server with a pool of threads behind it.
 *
 * The loop hands messages with work to threads, through a queue of limited length. A thread that
 * has finished adds to an eventfd, which epoll watches like any other descriptor.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/21-computing/offload.ts
 * Try:  deno run --allow-net lessons/21-computing/client.ts
 * Man:  eventfd(2), epoll(7), futex(2)
 */

import { type Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_wait,
  EpollEvents,
} from "../../shared/linux/epoll.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import { eventfd, tryReadEventfd } from "../../shared/linux/eventfd.ts";
import { addressOf, listenTcp, SOCK_NONBLOCK, tryRecv } from "../../shared/linux/socket.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { Connections } from "./connections.ts";
import { Jobs, POOL } from "./jobs.ts";
import type { Task } from "./thread.ts";
import { isWork } from "./work.ts";

const options = serverOptions(POOL);
const module = new URL("./thread.ts", import.meta.url);
requireRead(module);
const listener = listenTcp(options, SOCK_NONBLOCK);
const buffer = new Uint8Array(64 * 1024);
const epoll = epoll_create1();
const events = new EpollEvents(1024);
const connections = new Connections(epoll, listener);
const jobs = Jobs.of<Connection>(options.places);
const held = new Map<Connection, Uint8Array>(); // messages for which there is no place yet
const done = eventfd();
epoll_ctl(epoll, EPOLL_CTL_ADD, done, READ);
for (let i = 0; i < options.threads; i++) {
  const thread = new Worker(module, { type: "module" });
  thread.postMessage({ memory: jobs.memory, done } satisfies Task);
  await new Promise((begun) => thread.onmessage = begun);
}
console.log(`listening on ${addressOf(listener)}`);

while (connections.gone < options.connections) {
  const ready = epoll_wait(epoll, events, connections.pause);
  connections.resume();
  for (let i = 0; i < ready; i++) {
    const fd = events.fd(i);
    const connection = connections.open.get(fd); // none for a client that collect has just dropped
    if (connection !== undefined) advance(connection, serve(connection));
    else if (fd === listener) connections.accept();
    else if (fd === done) collect();
  }
}

jobs.close(); // the eventfd stays open for those that still compute: they end with the process
connections.close();
close(epoll);

function advance(connection: Connection, want: Want | undefined) {
  if (want === GONE) {
    held.delete(connection);
    jobs.cancel(connection); // its result must not go to the next client with its descriptor
  }
  connections.watch(connection, want);
}

/** Does what one client needs now, and returns what it waits for next; undefined for a thread. */
function serve(connection: Connection): Want | undefined {
  if (connection.unsent > 0) return connection.flush();
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return READ;
  if (length <= 0) return GONE; // 0 is the end of the input, less is a broken connection
  if (!isWork(buffer, length)) return connection.send(shout(buffer, length), length);
  // Nothing more is read from this client until its reply is sent, so its replies stay in order.
  held.set(connection, buffer.slice(0, length));
  handOver();
}

/** Fills the places. If none is left, messages stay here, and their clients are not read. */
function handOver() {
  for (const [connection, message] of held) {
    if (!jobs.tryPut(connection, message)) return; // to wait here would hold up everybody
    held.delete(connection);
  }
}

function collect() {
  tryReadEventfd(done); // first: of a result that comes later, epoll will report the eventfd again
  for (const [connection, message] of jobs.results()) {
    advance(connection, connection.send(shout(message), message.length));
  }
  handOver();
}
