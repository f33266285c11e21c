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
import { ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import {
  IORING_CQE_F_MORE,
  IORING_CQE_F_SOCK_NONEMPTY,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_LINK,
  IoUring,
} from "../../shared/linux/io_uring.ts";
import { addressOfBuffer, mapAnonymous } from "../../shared/linux/memory.ts";
import { addressOf, isShortage, listenTcp, MSG_WAITALL } from "../../shared/linux/socket.ts";
import { SOCK_CLOEXEC } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const [ACCEPT, RECV, SEND, CLOSE, PAUSE] = [1, 2, 3, 4, 5];
const LINKED = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS; // the next one begins when all is sent
const [SIZE, STRIDE] = [28 * 1024, 32 * 1024];

const options = serverOptions();
using ring = new IoUring();
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

// Each descriptor has its own piece of memory, which belongs to the kernel while an operation is
// under way. It is mapped rather than allocated: so it stays where it is, and what nobody has
// touched yet takes no memory.
const places = Math.min(getrlimit(RLIMIT_NOFILE).soft, 32_768);
const memory = mapAnonymous(places * STRIDE + 16);
const start = addressOfBuffer(memory);
const pause = new BigInt64Array(memory, places * STRIDE, 2); // a struct timespec
pause[1] = 100_000_000n; // 100 ms, in nanoseconds
const buffers: Uint8Array<ArrayBuffer>[] = []; // by descriptor
let served = 0;

ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
while (served < options.connections) {
  // Hands over all that has been prepared since the last time, and sleeps until something is done.
  ring.submitAndWait(1);
  ring.handleCompletions(onCompletion);
}

ring.cancel(CLOSE, ACCEPT, listener);
ring.submitAndWait(1);
close(listener);

function onCompletion(kind: number, fd: number, result: number, flags: number) {
  if (kind === ACCEPT) accepted(result, flags);
  else if (kind === RECV) received(fd, result, flags);
  else if (kind === PAUSE) ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
  // A send completes only if it fails, and then nothing is told of the recv behind it any more.
  else if (kind === SEND) drop(fd);
}

function accepted(fd: number, flags: number) {
  if (fd >= 0) {
    // Phases 1 and 2 of this client's read begin here, and neither of them is waited for.
    buffers[fd] ??= new Uint8Array(memory, placeOf(fd) - start, SIZE);
    ring.recv(RECV, fd, placeOf(fd), SIZE, true);
  } else if (!isShortage(fd) && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);

  // One operation accepts all clients, until it fails: then it is asked for anew, after a pause if
  // the descriptors have run out.
  if (flags & IORING_CQE_F_MORE) return;
  if (isShortage(fd)) ring.timeout(PAUSE, start + places * STRIDE);
  else ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
}

function received(fd: number, length: number, flags: number) {
  if (length <= 0) return drop(fd); // the end of the input, or a reset
  // Phase 2 is over as well: the bytes are here, and this call only works on them.
  shout(buffers[fd], length);
  // Send all of it, and when that is done, receive again: two operations, linked, for which this
  // program is not asked any more. No more is read from a client who does not read.
  ring.send(SEND, fd, placeOf(fd), length, MSG_WAITALL, LINKED);
  ring.recv(RECV, fd, placeOf(fd), SIZE, (flags & IORING_CQE_F_SOCK_NONEMPTY) === 0);
}

/** Where a descriptor's memory begins: not always at the same place of a page, for the cache. */
function placeOf(fd: number): number {
  return start + fd * STRIDE + (fd & 63) * 64;
}

function drop(fd: number) {
  ring.close(CLOSE, fd);
  served++;
}
