/**
 * Sockets for coroutines: each function does what the system call of its name does, but while it
 * waits, the other coroutines go on. All sockets are non-blocking.
 *
 * @module
 */

import { close as closeDescriptor } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, EINPROGRESS, systemError } from "../../shared/linux/errno.ts";
import {
  type Address,
  AF_INET,
  getsockopt,
  isOutOfResources,
  SO_ERROR,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryAccept4,
  tryConnect,
  tryRecv,
  trySend,
} from "../../shared/linux/socket.ts";
import { EVENT_READ, EVENT_WRITE } from "../../shared/selectors/selector.ts";
import { type Coroutine, runningLoop, sleep } from "./event_loop.ts";

const buffer = new Uint8Array(64 * 1024); // for those who bring none

/**
 * Waits for a client. If the descriptors have run out, it looks again every 100 ms. Counterpart:
 * `loop.sock_accept`; see accept4(2).
 *
 * @returns The client's socket.
 */
export function* accept(listener: number): Coroutine<number> {
  while (true) {
    yield* runningLoop().readiness(listener, EVENT_READ);
    const fd = tryAccept4(listener, SOCK_NONBLOCK);
    if (fd >= 0) return fd;
    if (isOutOfResources(fd)) yield* sleep(100);
    else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
  }
}

/**
 * Connects to a server. Counterpart: `loop.sock_connect`; see connect(2).
 *
 * @returns The socket.
 * @throws {Deno.errors.ConnectionRefused} if nobody listens there.
 */
export function* connect(address: Address): Coroutine<number> {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  try {
    let result = tryConnect(fd, address);
    if (result === -EINPROGRESS) {
      yield* runningLoop().readiness(fd, EVENT_WRITE);
      result = -getsockopt(fd, SOL_SOCKET, SO_ERROR);
    }
    if (result < 0) throw systemError("connect", -result, fd);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/**
 * Waits for bytes. Counterparts: `loop.sock_recv` and, with an array to receive into,
 * `loop.sock_recv_into`; see recv(2).
 *
 * @param into Where they are put; unless given, into a new array, for 64 KiB at the most.
 * @returns What has come; nothing at the end of the input.
 * @throws {Deno.errors.ConnectionReset} and others, if the connection is broken.
 */
export function* recv(
  connection: number,
  into?: Uint8Array<ArrayBuffer>,
): Coroutine<Uint8Array<ArrayBuffer>> {
  while (true) {
    yield* runningLoop().readiness(connection, EVENT_READ);
    const length = tryRecv(connection, into ?? buffer);
    if (length >= 0) return into ? into.subarray(0, length) : buffer.slice(0, length);
    if (length !== -EAGAIN) throw systemError("recv", -length, connection);
  }
}

/**
 * Sends all bytes; waits as often as the socket is full. What it does not take at once is copied,
 * so the array can be used again. Counterpart: `loop.sock_sendall`; see send(2).
 *
 * @throws {Deno.errors.BrokenPipe} and others, if the connection is broken.
 */
export function* sendAll(connection: number, bytes: Uint8Array<ArrayBuffer>): Coroutine {
  let sent = trySend(connection, bytes);
  if (sent === bytes.length) return; // the common case copies nothing
  let rest = bytes.slice();
  while (true) {
    if (sent < 0 && sent !== -EAGAIN) throw systemError("send", -sent, connection);
    rest = rest.subarray(Math.max(sent, 0));
    if (rest.length === 0) return;
    yield* runningLoop().readiness(connection, EVENT_WRITE);
    sent = trySend(connection, rest);
  }
}

/** Closes a socket. Coroutines that wait for it are cancelled. See close(2). */
export function close(fd: number): void {
  runningLoop().forget(fd);
  closeDescriptor(fd);
}
