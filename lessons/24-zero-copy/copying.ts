/**
 * Lesson 24 · Zero copy: the same proxy with recv and send.
 *
 * Every byte is copied twice: from the kernel into the program's buffer, and from there back into
 * the kernel. Compare its pump with that of server.ts; all else is the same.
 *
 * Run:  deno run --allow-ffi lessons/24-zero-copy/copying.ts
 * Try:  deno run --allow-net lessons/24-zero-copy/client.ts
 * Man:  recv(2), send(2), connect(2) (EINPROGRESS), epoll(7)
 */

import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import {
  addressOf,
  isOutOfResources,
  listenTcp,
  SOCK_NONBLOCK,
  tryRecv,
  trySend,
} from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { Pairs, UPSTREAM, type Wait, type Way } from "./pairs.ts";

const SIZE = 64 * 1024;
const options = serverOptions({ upstream: UPSTREAM });
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);
const epoll = epoll_create1();
const events = new EpollEvents(1024);
epoll_ctl(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
const pairs = new Pairs(epoll, options.upstream, makeBuffer);
let pause: number | undefined;

while (pairs.served < options.connections) {
  const ready = epoll_wait(epoll, events, pause);
  if (pause !== undefined) watchListener(true);
  for (let i = 0; i < ready; i++) {
    const fd = events.fd(i);
    if (fd === listener) acceptOne();
    else pairs.advance(fd, events.events(i), pump);
  }
}

pairs.close();
for (const fd of [listener, epoll]) close(fd);

function acceptOne() {
  const result = pairs.accept(listener);
  if (isOutOfResources(result)) watchListener(false);
  else if (result !== 0 && result !== -EAGAIN && result !== -ECONNABORTED) {
    throw systemError("accept4", -result, listener);
  }
}

// While descriptors are short, the listener stays ready, and watching it would spin. So the next
// wait leaves it out, and lasts 100 ms at most.
function watchListener(watch: boolean) {
  epoll_ctl(epoll, EPOLL_CTL_MOD, listener, watch ? EPOLLIN : 0);
  pause = watch ? undefined : 100;
}

/** Each direction has a buffer of its own: one that is full must not hold up the other. */
function makeBuffer() {
  return { bytes: new Uint8Array(SIZE), start: 0 };
}

/** Moves bytes one way, until a socket is not ready, or for 16 turns. */
function pump(way: Way<ReturnType<typeof makeBuffer>>): Wait {
  const { from, to, store } = way;
  for (let turn = 0; turn < 16; turn++) {
    // What the socket does not take stays in the buffer. Until it has gone, nothing more is read.
    const empty = way.kept === 0 && !way.ended;
    if (empty) store.start = 0;
    const taken = empty ? tryRecv(from, store.bytes) : -EAGAIN;
    if (taken > 0) way.kept = taken;
    else if (taken === 0) way.ended = true;
    else if (taken !== -EAGAIN) return "broken";
    const rest = store.start === 0 ? store.bytes : store.bytes.subarray(store.start);
    const given = way.kept > 0 ? trySend(to, rest, way.kept) : -EAGAIN;
    if (given > 0) {
      store.start += given;
      way.kept -= given;
    } else if (given !== -EAGAIN) return "broken";
    if (taken <= 0 && given <= 0) return "ready";
  }
  return "turn";
}
