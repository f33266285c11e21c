/**
 * Lesson 20 · A loop for each core: the server with one shared listener.
 *
 * All loops watch the same listening socket. With EPOLLEXCLUSIVE, the kernel wakes one of those
 * that sleep when a client connects. With --herd it wakes all of them, and one gets the client:
 * that is the thundering herd.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/20-loop-per-core/shared.ts
 * Try:  deno run --allow-ffi --allow-net lessons/20-loop-per-core/client.ts
 * Man:  epoll_ctl(2) (EPOLLEXCLUSIVE), epoll(7)
 */

import { READ } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLLEXCLUSIVE,
} from "../../shared/linux/epoll.ts";
import { eventfd } from "../../shared/linux/eventfd.ts";
import { addressOf, listenTcp, SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import { flag } from "../../shared/options.ts";
import { openOwnDescriptors } from "../../shared/own_descriptors.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import type { Task } from "./loop.ts";
import { countsFor, loopsOption, messageOf } from "./loops.ts";

const options = serverOptions({ loops: loopsOption(), herd: flag("wake all loops up") });
const module = new URL("./loop.ts", import.meta.url);
requireRead(module);
openOwnDescriptors(); // later, clients may have taken all that there are
const listener = listenTcp(options, SOCK_NONBLOCK);

const interest = options.herd ? READ : READ | EPOLLEXCLUSIVE;
const counts = countsFor(options);
const end = eventfd();
const tasks = Array.from({ length: options.loops }, (_, loop): Task => {
  const epoll = epoll_create1();
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, interest);
  epoll_ctl(epoll, EPOLL_CTL_ADD, end, READ);
  return { loop, epoll, listener, interest, end, counts };
});
// All threads and descriptors are there before a client is accepted: clients may take all the rest.
const threads = tasks.map(() => new Worker(module, { type: "module" }));
await Promise.all(threads.map(messageOf));
console.log(`listening on ${addressOf(listener)}`);

for (const [loop, thread] of threads.entries()) thread.postMessage(tasks[loop]);
await Promise.all(threads.map(messageOf));
for (const fd of [listener, end]) close(fd);
