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
import { ECANCELED, ECONNABORTED, ENOBUFS, systemError } from "../../shared/linux/errno.ts";
import { IORING_CQE_F_MORE, IoUring } from "../../shared/linux/io_uring.ts";
import { addressOf, isShortage, listenTcp, MSG_WAITALL } from "../../shared/linux/socket.ts";
import { SOCK_CLOEXEC } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const [ACCEPT, REGISTER, RECV, SEND, CANCEL, CLOSE, PAUSE] = [1, 2, 3, 4, 5, 6, 7];

const NONE = -1;

interface Client {
  fd: number;
  receiving: boolean;
  ended: boolean;
  sending: number; // a buffer, or NONE
  unsent: number[]; // buffers that have to wait until that one is sent
}

const options = serverOptions();
using ring = new IoUring();
// The kernel may write into them at any time, so they are no arrays of the engine's.
using buffers = ring.provideBuffers(16 * 1024);
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

const clients: Client[] = []; // by descriptor
const lengths: number[] = []; // of what is in the buffers
const starved: Client[] = []; // clients for whom there was no buffer
let served = 0;

ring.registerFiles(getrlimit(RLIMIT_NOFILE).soft);
ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
while (served < options.connections) {
  // Hands over all that has been prepared since the last time, and sleeps until something is done.
  ring.submitAndWait(1);
  ring.handleCompletions(onCompletion);
}

close(listener);

function onCompletion(kind: number, fd: number, result: number, flags: number) {
  if (kind === RECV) received(clients[fd], result, flags);
  else if (kind === SEND) sent(clients[fd], result);
  else if (kind === ACCEPT) accepted(result, flags);
  else if (kind === PAUSE) ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
}

function accepted(fd: number, flags: number) {
  if (fd >= 0) {
    ring.register(REGISTER, fd);
    goOn(clients[fd] = { fd, receiving: false, ended: false, sending: NONE, unsent: [] });
  } else if (!isShortage(fd) && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
  // One operation accepts all clients, until it fails: then it is asked for anew, after a pause if
  // the descriptors have run out.
  if (flags & IORING_CQE_F_MORE) return;
  if (isShortage(fd)) ring.timeout(PAUSE, 100);
  else ring.acceptMultishot(ACCEPT, listener, SOCK_CLOEXEC);
}

function received(client: Client, length: number, flags: number) {
  client.receiving = (flags & IORING_CQE_F_MORE) !== 0;
  if (length > 0) {
    // Phase 2 is over as well: the bytes are here, and this call only works on them.
    const buffer = buffers.take(flags);
    lengths[buffer] = length;
    shout(buffers.bytes(buffer), length);
    // One send at a time, since operations on the same socket may overtake one another.
    if (client.sending === NONE) send(client, buffer);
    // The kernel would go on reading from a client who does not read.
    else if (client.unsent.push(buffer) % 4 === 0) ring.cancel(CANCEL, RECV, client.fd);
  } else if (length !== -ENOBUFS && length !== -ECANCELED) client.ended = true;
  goOn(client);
}

function send(client: Client, buffer: number) {
  client.sending = buffer;
  ring.send(SEND, client.fd, buffers.address(buffer), lengths[buffer], MSG_WAITALL);
}

function sent(client: Client, length: number) {
  const { sending } = client;
  buffers.release(sending);
  client.sending = NONE;
  if (length < lengths[sending]) { // the connection is broken
    client.ended = true;
    client.unsent.splice(0).forEach((buffer) => buffers.release(buffer));
    ring.cancel(CANCEL, RECV, client.fd);
  }
  if (client.unsent.length > 0) send(client, client.unsent.shift()!);
  else goOn(client);
  while (starved.length > 0 && buffers.supply()) goOn(starved.pop()!);
}

function goOn(client: Client) {
  if (client.receiving || client.sending !== NONE) return; // something is under way
  if (client.ended) {
    ring.close(CLOSE, client.fd);
    served++;
  } else if (buffers.supply()) {
    // Phases 1 and 2 of all reads to come begin here, and none of them is waited for.
    ring.recvMultishot(RECV, client.fd);
    client.receiving = true;
  } else starved.push(client);
}
