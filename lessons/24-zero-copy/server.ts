/**
 * Lesson 24 · Zero copy: the server.
 *
 * A proxy in front of any server. splice moves what has arrived at one socket into a pipe, and from
 * there into the other socket. The bytes stay in the kernel: phase 2, the copy, is gone.
 *
 * Run:  deno run --allow-ffi lessons/24-zero-copy/server.ts
 * Try:  deno run --allow-net lessons/24-zero-copy/client.ts
 * Man:  splice(2), pipe(7), connect(2) (EINPROGRESS), epoll(7)
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
  type Pipe,
  pipe2,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
  trySplice,
} from "../../shared/linux/pipe.ts";
import {
  addressOf,
  isOutOfResources,
  listenTcp,
  SOCK_NONBLOCK,
} from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { Pairs, UPSTREAM, type Wait, type Way } from "./pairs.ts";

const SIZE = 64 * 1024;
const FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
const options = serverOptions({ upstream: UPSTREAM });
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);
const epoll = epoll_create1();
const events = new EpollEvents(1024);
epoll_ctl(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
const pairs = new Pairs(epoll, options.upstream, makePipe);
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

/** Each direction has a pipe of its own: one that is full must not hold up the other. */
function makePipe(own: DisposableStack): Pipe {
  const pipe = pipe2();
  for (const fd of [pipe.read, pipe.write]) own.adopt(fd, close);
  return pipe;
}

/** Moves bytes one way, until a socket or the pipe is not ready, or for 16 turns. */
function pump(way: Way<Pipe>): Wait {
  const { from, to, store: pipe } = way;
  for (let turn = 0; turn < 16; turn++) {
    // EAGAIN: nothing has arrived, or the pipe is full. Either way, what is in the pipe goes on.
    const taken = way.ended ? -EAGAIN : trySplice(from, pipe.write, SIZE, FLAGS);
    if (taken > 0) way.kept += taken;
    else if (taken === 0) way.ended = true;
    else if (taken !== -EAGAIN) return "broken";
    const given = way.kept > 0 ? trySplice(pipe.read, to, way.kept, FLAGS) : -EAGAIN;
    if (given > 0) way.kept -= given;
    else if (given !== -EAGAIN) return "broken";
    if (taken <= 0 && given <= 0) return "ready";
  }
  return "turn";
}
