/**
 * Lesson 09 · io_uring: the server whose clients share their buffers.
 *
 * In server.ts, each client has memory of its own, in which its recv waits for data. Here, the
 * kernel takes a provided buffer when data has arrived, and not before. So a client has one only
 * while it is being answered.
 *
 * Run:  deno run --allow-ffi lessons/09-io-uring/provided.ts
 * Try:  deno run --allow-net lessons/09-io-uring/client.ts
 * Man:  io_uring(7), io_uring_enter(2), io_uring_register(2) (IORING_REGISTER_PBUF_RING)
 */

import { close, getrlimit, RLIMIT_NOFILE, setrlimit } from "../../shared/linux/descriptors.ts";
import { ECONNABORTED, ENOBUFS, systemError } from "../../shared/linux/errno.ts";
import { MOST_BUFFERS, ProvidedBuffers } from "../../shared/linux/io_uring/buffers.ts";
import {
  IORING_OP_ACCEPT,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_OP_TIMEOUT,
} from "../../shared/linux/io_uring/io_uring.ts";
import { IoUring } from "../../shared/linux/io_uring/ring.ts";
import type { MappedMemory } from "../../shared/linux/memory.ts";
import { addressOf, isOutOfResources, listenTcp, MSG_WAITALL } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

interface Connection {
  fd: number;
  /** The buffer whose first `length` bytes are being sent. */
  buffer?: MappedMemory;
  length: number;
}

const options = serverOptions();
using ring = new IoUring();
const buffers = new ProvidedBuffers(ring, 64 * 1024);
// With no more descriptors than buffers, there is a buffer for every client that does not read.
const { soft, hard } = getrlimit(RLIMIT_NOFILE);
setrlimit(RLIMIT_NOFILE, { soft: Math.min(soft, MOST_BUFFERS), hard });
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

const connections = new Map<number, Connection>();
let served = 0;

ring.accept(listener);
while (served < options.connections) {
  ring.submitAndWait(1);
  ring.forEachCompletion(completed);
}

for (const { fd } of connections.values()) close(fd);
close(listener);

function completed(op: number, fd: number, result: number, flags: number) {
  if (op === IORING_OP_ACCEPT) accepted(result);
  else if (op === IORING_OP_RECV) received(connections.get(fd)!, result, flags);
  else if (op === IORING_OP_SEND) sent(connections.get(fd)!, result);
  else if (op === IORING_OP_TIMEOUT) ring.accept(listener); // the pause is over
}

function accepted(fd: number) {
  if (fd >= 0) {
    connections.set(fd, { fd, length: 0 });
    buffers.recv(fd);
  } else if (isOutOfResources(fd)) return ring.timeout(100);
  else if (fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
  ring.accept(listener);
}

function received(connection: Connection, length: number, flags: number) {
  if (length === -ENOBUFS) return receiveWithOneMore(connection.fd);
  const buffer = buffers.take(flags);
  connection.buffer = buffer;
  if (buffer === undefined || length <= 0) return drop(connection);
  connection.length = length;
  shout(buffer.bytes, length);
  ring.send(connection.fd, buffer, length, MSG_WAITALL);
}

function receiveWithOneMore(fd: number) {
  // Data has arrived while all buffers were in use, and it is still in the kernel.
  buffers.add();
  buffers.recv(fd);
}

function sent(connection: Connection, length: number) {
  if (length < connection.length) return drop(connection);
  buffers.release(connection.buffer!);
  buffers.recv(connection.fd);
}

function drop({ fd, buffer }: Connection) {
  if (buffer !== undefined) buffers.release(buffer);
  connections.delete(fd);
  close(fd);
  served++;
}
