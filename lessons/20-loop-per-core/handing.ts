/**
 * Lesson 20 · A loop for each core: the server that deals its clients out.
 *
 * One loop accepts, in the main thread, and deals the clients out to the others in turn. To hand
 * one over takes a single call, since a thread may change the epoll instance of another one, even
 * while that one sleeps in epoll_wait.
 *
 * Run:  deno run --allow-ffi --allow-read lessons/20-loop-per-core/handing.ts
 * Try:  deno run --allow-ffi --allow-net lessons/20-loop-per-core/client.ts
 * Man:  epoll_ctl(2), epoll_wait(2), the section "Notes"
 */

import { READ } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
} from "../../shared/linux/epoll.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { eventfd } from "../../shared/linux/eventfd.ts";
import {
  addressOf,
  isOutOfResources,
  listenTcp,
  SOCK_NONBLOCK,
  tryAccept4,
} from "../../shared/linux/socket.ts";
import { openOwnDescriptors } from "../../shared/own_descriptors.ts";
import { requireRead, serverOptions } from "../../shared/server.ts";
import type { Task } from "./loop.ts";
import { countClient, countsFor, isOver, loopsOption, messageOf } from "./loops.ts";

const options = serverOptions({ loops: loopsOption() });
const module = new URL("./loop.ts", import.meta.url);
requireRead(module);
openOwnDescriptors(); // later, clients may have taken all that there are
const listener = listenTcp(options, SOCK_NONBLOCK);

const counts = countsFor(options);
const end = eventfd();
const epoll = epoll_create1();
const events = new EpollEvents(2);
for (const fd of [listener, end]) epoll_ctl(epoll, EPOLL_CTL_ADD, fd, READ);
const tasks = Array.from({ length: options.loops }, (_, loop): Task => {
  const epoll = epoll_create1();
  epoll_ctl(epoll, EPOLL_CTL_ADD, end, READ);
  return { loop, epoll, end, counts };
});
// All threads and descriptors are there before a client is accepted: clients may take all the rest.
const threads = tasks.map(() => new Worker(module, { type: "module" }));
await Promise.all(threads.map(messageOf));
console.log(`listening on ${addressOf(listener)}`);

for (const [loop, thread] of threads.entries()) thread.postMessage(tasks[loop]);
let pause: number | undefined;
let next = 0;

while (!isOver(counts)) {
  const ready = epoll_wait(epoll, events, pause);
  if (pause !== undefined) watchListener(true);
  for (let i = 0; i < ready; i++) if (events.fd(i) === listener) acceptOne();
}

close(epoll);
await Promise.all(threads.map(messageOf));
for (const fd of [listener, end]) close(fd);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) dealOut(fd);
  else if (isOutOfResources(fd)) watchListener(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

// Which loop is the least busy is not known here, so they take turns. A loop that finds a socket of
// which it has never heard takes it for a new client.
function dealOut(fd: number) {
  countClient(counts, next); // first, since it may be gone again after the next line
  epoll_ctl(tasks[next].epoll, EPOLL_CTL_ADD, fd, READ);
  next = (next + 1) % tasks.length;
}

// As in lesson 06: while descriptors are short, the next wait leaves the listener out.
function watchListener(watch: boolean) {
  epoll_ctl(epoll, EPOLL_CTL_MOD, listener, watch ? READ : 0);
  pause = watch ? undefined : 100;
}
