/**
 * Lesson 09 · io_uring: the server.
 *
 * Nobody asks whether a socket is ready. The server says what it wants done, the kernel does it,
 * the copying included, and reports when it is done: completion, not readiness.
 *
 * Run:  deno run --allow-ffi lessons/09-io-uring/server.ts
 * Try:  deno run --allow-net lessons/09-io-uring/client.ts
 * Man:  io_uring(7), io_uring_setup(2), io_uring_enter(2)
 */

import { close, getrlimit, RLIMIT_NOFILE } from "../../shared/linux/descriptors.ts";
import { ECONNABORTED, ENOBUFS, systemError } from "../../shared/linux/errno.ts";
import { IORING_CQE_F_MORE, IoUring } from "../../shared/linux/io_uring.ts";
import { addressOf, isOutOfResources, listenTcp, MSG_WAITALL } from "../../shared/linux/socket.ts";
import { SOCK_CLOEXEC } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const [ACCEPT, REGISTER, RECV, SEND, CLOSE, PAUSE] = [1, 2, 3, 4, 5, 6];

interface Reply {
  buffer: number;
  length: number;
}

const options = serverOptions();
using ring = new IoUring();
// The kernel may write into them at any time, so they are no arrays of the engine's.
using buffers = ring.provideBuffers(64 * 1024);
ring.registerFiles(getrlimit(RLIMIT_NOFILE).soft);
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

const replies: Reply[] = []; // what is being sent, by descriptor
const starved: number[] = []; // clients for whom there was no buffer, by descriptor as well
let served = 0;

ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
while (served < options.connections) {
  // Hands over all that has been prepared since the last time, and sleeps until something is done.
  ring.submitAndWait(1);
  ring.handleCompletions(onCompletion);
}

close(listener);

function onCompletion(kind: number, fd: number, result: number, flags: number) {
  if (kind === RECV) received(fd, result, flags);
  else if (kind === SEND) sent(fd, result);
  else if (kind === ACCEPT) accepted(result, flags);
  else if (kind === PAUSE) ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
}

function accepted(fd: number, flags: number) {
  if (fd >= 0) {
    replies[fd] = { buffer: 0, length: 0 };
    ring.register(REGISTER, fd);
    receive(fd);
  } else if (!isOutOfResources(fd) && fd !== -ECONNABORTED) {
    throw systemError("accept4", -fd, listener);
  }
  // One operation accepts all clients, until it fails: then it is asked for anew, after a pause if
  // the descriptors have run out.
  if (flags & IORING_CQE_F_MORE) return;
  if (isOutOfResources(fd)) ring.timeout(PAUSE, 100);
  else ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
}

function receive(fd: number) {
  // Phases 1 and 2 of the next read begin here, and neither of them is waited for.
  if (buffers.supply()) ring.recvProvided(RECV, fd);
  else starved.push(fd);
}

function received(fd: number, length: number, flags: number) {
  if (length === -ENOBUFS) return receive(fd);
  if (length <= 0) return drop(fd);
  // Phase 2 is over as well: the bytes are here, and this call only works on them.
  const buffer = buffers.take(flags);
  shout(buffers.bytes(buffer), length);
  replies[fd].buffer = buffer;
  replies[fd].length = length;
  ring.send(SEND, fd, buffers.address(buffer), length, MSG_WAITALL);
}

function sent(fd: number, length: number) {
  buffers.release(replies[fd].buffer);
  if (length < replies[fd].length) drop(fd); // the connection is broken
  else receive(fd); // and not before: who does not read his replies is not read from either
  while (starved.length > 0 && buffers.supply()) receive(starved.shift()!);
}

function drop(fd: number) {
  ring.close(CLOSE, fd);
  served++;
}
