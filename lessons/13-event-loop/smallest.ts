/**
 * Lesson 13 · An event loop: the smallest one.
 *
 * The scheduler of lesson 12 plus one selector. A coroutine yields the time or descriptor that it
 * waits for. The loop sleeps until one of them is due or ready, and resumes its coroutine.
 *
 * Run:  deno run --allow-ffi lessons/13-event-loop/smallest.ts
 * Try:  deno run --allow-net lessons/13-event-loop/client.ts
 * Man:  epoll(7), accept4(2), recv(2), send(2)
 */

import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import {
  addressOf,
  listenTcp,
  SOCK_NONBLOCK,
  tryAccept4,
  tryRecv,
  trySend,
} from "../../shared/linux/socket.ts";
import { DefaultSelector } from "../../shared/selectors/default.ts";
import { EVENT_READ, EVENT_WRITE } from "../../shared/selectors/selector.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { Timers } from "../../shared/timers.ts";

/** It yields what it waits for: a time of performance.now(), or a descriptor that becomes ready. */
type Coroutine = Generator<{ time: number } | { fd: number; events: number }, void, void>;

const options = serverOptions();
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);
const sleepers = new Timers<Coroutine>();
const selector = new DefaultSelector<Coroutine>();
let served = 0;
resume(acceptAll());
while (served < options.connections) {
  // The only call that waits. It ends when a descriptor is ready, or when the next sleeper is due.
  const timeout = sleepers.next && sleepers.next.time - performance.now();
  for (const { fd, data: coroutine } of selector.select(timeout)) {
    selector.unregister(fd);
    resume(coroutine);
  }
  for (let due; (due = sleepers.takeDue(performance.now()));) resume(due.item);
}

/** Runs a coroutine to its next `yield`, and notes what it waits for there. */
function resume(coroutine: Coroutine) {
  const { done, value: wait } = coroutine.next();
  if (done) return;
  if ("time" in wait) sleepers.add(wait.time, coroutine);
  else selector.register(wait.fd, wait.events, coroutine);
}

function* acceptAll(): Coroutine {
  while (true) {
    yield { fd: listener, events: EVENT_READ };
    const fd = tryAccept4(listener, SOCK_NONBLOCK);
    if (fd >= 0) resume(serve(fd));
    else if (fd !== -EAGAIN) yield { time: performance.now() + 100 }; // out of descriptors
  }
}

function* serve(fd: number): Coroutine {
  const buffer = new Uint8Array(64 * 1024); // of its own: others run between recv and send
  for (let length = -EAGAIN; length > 0 || length === -EAGAIN;) {
    yield { fd, events: EVENT_READ };
    length = tryRecv(fd, buffer);
    shout(buffer, Math.max(length, 0));
    for (let sent = 0; sent < length;) {
      const count = trySend(fd, buffer.subarray(sent, length));
      if (count >= 0) sent += count;
      else if (count === -EAGAIN) yield { fd, events: EVENT_WRITE };
      else sent = length = -1; // the connection is broken
    }
  }
  close(fd);
  served++;
}
