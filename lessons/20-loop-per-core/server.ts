/**
 * Lesson 20 · A loop for each core: the server.
 *
 * One thread uses one core. Here, each core has a thread with the loop of lesson 06 (loop.ts), an
 * epoll instance and a listening socket. All these sockets have the same port, and the kernel
 * chooses one of them for each client that connects.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/20-loop-per-core/server.ts
 * Try:  deno run --allow-ffi --allow-net lessons/20-loop-per-core/client.ts
 * Man:  socket(7) (SO_REUSEPORT), epoll(7), eventfd(2)
 */

import { READ } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { epoll_create1, epoll_ctl, EPOLL_CTL_ADD } from "../../shared/linux/epoll.ts";
import { eventfd } from "../../shared/linux/eventfd.ts";
import {
  AF_INET,
  bind,
  getsockname,
  IPPROTO_TCP,
  listen,
  setsockopt,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../../shared/linux/socket.ts";
import { openOwnDescriptors } from "../../shared/own_descriptors.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import type { Task } from "./loop.ts";
import { countsFor, loopsOption, messageOf } from "./loops.ts";

const options = serverOptions({ loops: loopsOption() });
const module = new URL("./loop.ts", import.meta.url);
requireRead(module);
openOwnDescriptors(); // later, clients may have taken all that there are

// With SO_REUSEPORT, a second server could listen on the same port as well. So the port is claimed
// by a socket without it, which fails if others listen there. It does not listen itself.
const claim = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
setsockopt(claim, SOL_SOCKET, SO_REUSEADDR, 1);
bind(claim, options);
const address = getsockname(claim);
const listeners = Array.from({ length: options.loops }, listener);
close(claim);

const counts = countsFor(options);
const end = eventfd();
const tasks = listeners.map((listener, loop): Task => {
  const epoll = epoll_create1();
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, READ);
  epoll_ctl(epoll, EPOLL_CTL_ADD, end, READ);
  return { loop, epoll, listener, interest: READ, end, counts };
});
// All threads and descriptors are there before a client is accepted: clients may take all the rest.
const threads = tasks.map(() => new Worker(module, { type: "module" }));
await Promise.all(threads.map(messageOf));
console.log(`listening on ${address.host}:${address.port}`);

for (const [loop, thread] of threads.entries()) thread.postMessage(tasks[loop]);
await Promise.all(threads.map(messageOf));
for (const fd of [...listeners, end]) close(fd);

/** One of the sockets of the port. Clients that are early wait in its queue for the loop. */
function listener(): number {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  bind(fd, address);
  listen(fd);
  return fd;
}
