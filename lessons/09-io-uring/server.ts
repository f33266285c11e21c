/**
 * Lesson 09 · io_uring: the server.
 *
 * The server says what it wants done: accept, receive into this memory, send this memory. The
 * kernel does it, including the wait and the copy, and reports each completion.
 *
 * Run:  deno run --allow-ffi lessons/09-io-uring/server.ts
 * Try:  deno run --allow-net lessons/09-io-uring/client.ts
 * Man:  io_uring(7), io_uring_setup(2), io_uring_enter(2)
 */

import { close } from "../../shared/linux/descriptors.ts";
import { ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import {
  IORING_OP_ACCEPT,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_OP_TIMEOUT,
} from "../../shared/linux/io_uring/io_uring.ts";
import { IoUring } from "../../shared/linux/io_uring/ring.ts";
import { MappedMemory } from "../../shared/linux/memory.ts";
import { addressOf, isOutOfResources, listenTcp, MSG_WAITALL } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

interface Connection {
  fd: number;
  /** What is received, and then sent. It is the kernel's while one of the two is under way. */
  memory: MappedMemory;
  /** How many bytes are being sent. */
  length: number;
}

const options = serverOptions();
using ring = new IoUring();
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

const connections = new Map<number, Connection>();
let served = 0;

ring.accept(listener);
while (served < options.connections) {
  // Submits everything that was asked for since the last time, and sleeps until some of it is done.
  ring.submitAndWait(1);
  ring.forEachCompletion(completed);
}

for (const { fd } of connections.values()) close(fd);
close(listener);

function completed(op: number, fd: number, result: number) {
  if (op === IORING_OP_ACCEPT) accepted(result);
  else if (op === IORING_OP_RECV) received(connections.get(fd)!, result);
  else if (op === IORING_OP_SEND) sent(connections.get(fd)!, result);
  else if (op === IORING_OP_TIMEOUT) ring.accept(listener); // the pause is over
}

function accepted(fd: number) {
  if (fd >= 0) {
    const memory = new MappedMemory(64 * 1024);
    connections.set(fd, { fd, memory, length: 0 });
    // Phases 1 and 2 of the first read begin here, and nothing waits for them.
    ring.recv(fd, memory);
  } // Accepting again at once would fail again, so it waits until the timeout completes.
  else if (isOutOfResources(fd)) return ring.timeout(100);
  else if (fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
  ring.accept(listener);
}

function received(connection: Connection, length: number) {
  if (length <= 0) return drop(connection); // 0 is the end of the input, less is an error
  // Both phases are over: the bytes are here.
  shout(connection.memory.bytes, length);
  connection.length = length;
  // With MSG_WAITALL, the kernel goes on after a partial send by itself.
  ring.send(connection.fd, connection.memory, length, MSG_WAITALL);
}

function sent(connection: Connection, length: number) {
  if (length < connection.length) return drop(connection); // a reset or a broken pipe
  // Only now: a client that does not read its replies gets nothing more read from it.
  ring.recv(connection.fd, connection.memory);
}

function drop({ fd, memory }: Connection) {
  connections.delete(fd);
  close(fd);
  memory[Symbol.dispose](); // nothing is under way in it any more
  served++;
}
