/**
 * Sockets for coroutines: each function does what the system call of its name does, but while it
 * waits, other coroutines go on. How to wait is the scheduler's business; the calls are made here.
 *
 * @module
 */

import { close as closeDescriptor } from "./linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, EINPROGRESS, orThrow } from "./linux/errno.ts";
import {
  type Address,
  AF_INET,
  getsockopt,
  isOutOfResources,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryAccept4,
  tryConnect,
  tryRecv,
  trySend,
} from "./linux/socket.ts";

/** How the coroutines of a scheduler wait; what they yield to it is a `Yielded`. */
export interface Waits<Yielded> {
  /** Waits until there is something to read, or a client to accept. */
  readable(fd: number): Generator<Yielded, void, void>;
  /** Waits until there is room to write. */
  writable(fd: number): Generator<Yielded, void, void>;
  /** Waits for a time in milliseconds. */
  sleep(milliseconds: number): Generator<Yielded, void, void>;
  /** Forgets a descriptor, and interrupts coroutines that wait for it. */
  forget(fd: number): void;
}

/**
 * Waits for a client. If the descriptors have run out, it tries again every 100 ms. See accept4(2).
 *
 * @returns The client's socket.
 */
export function* accept<Yielded>(
  waits: Waits<Yielded>,
  listener: number,
): Generator<Yielded, number, void> {
  while (true) {
    yield* waits.readable(listener);
    const result = tryAccept4(listener, SOCK_NONBLOCK);
    // The listener stays readable while descriptors are short, so to wait for it would spin.
    if (isOutOfResources(result)) yield* waits.sleep(100);
    else if (result !== -EAGAIN && result !== -ECONNABORTED) {
      return fresh(waits, orThrow("accept4", result, listener));
    }
  }
}

/**
 * Connects to a server. See connect(2).
 *
 * @returns The socket.
 * @throws {Deno.errors.ConnectionRefused} if nobody listens there.
 */
export function* connect<Yielded>(
  waits: Waits<Yielded>,
  address: Address,
): Generator<Yielded, number, void> {
  const fd = fresh(waits, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC));
  try {
    let result = tryConnect(fd, address);
    if (result === -EINPROGRESS) {
      yield* waits.writable(fd);
      result = -getsockopt(fd, SOL_SOCKET, SO_ERROR);
    }
    orThrow("connect", result, fd);
    return fd;
  } catch (error) {
    close(waits, fd);
    throw error;
  }
}

/**
 * Waits until bytes have arrived, and puts them at the beginning of a buffer. See recv(2).
 *
 * @returns How many; 0 at the end of the input.
 * @throws {Deno.errors.ConnectionReset} and others, if the connection is broken.
 */
export function* recv<Yielded>(
  waits: Waits<Yielded>,
  connection: number,
  buffer: Uint8Array<ArrayBuffer>,
): Generator<Yielded, number, void> {
  while (true) {
    // Phase 1. It waits even if bytes are there already, so that a client which never stops sending
    // does not keep the others from their turn; and most often none are.
    yield* waits.readable(connection);
    const result = tryRecv(connection, buffer); // phase 2, the copy
    if (result !== -EAGAIN) return orThrow("recv", result, connection);
  }
}

/**
 * Sends the first `length` bytes of a buffer, and waits whenever the socket is full. What it does
 * not take at once is copied, so that others may use the buffer meanwhile. See send(2).
 *
 * @throws {Deno.errors.BrokenPipe} and others, if the connection is broken.
 */
export function* sendAll<Yielded>(
  waits: Waits<Yielded>,
  connection: number,
  buffer: Uint8Array<ArrayBuffer>,
  length = buffer.length,
): Generator<Yielded, void, void> {
  let sent = trySend(connection, buffer, length);
  if (sent === length) return; // the common case copies nothing
  let rest = buffer.slice(0, length);
  while (true) {
    if (sent !== -EAGAIN) rest = rest.subarray(orThrow("send", sent, connection));
    if (rest.length === 0) return;
    yield* waits.writable(connection);
    sent = trySend(connection, rest);
  }
}

/** Closes a socket, and interrupts coroutines that wait for it. See close(2). */
export function close<Yielded>(waits: Waits<Yielded>, fd: number): void {
  waits.forget(fd);
  closeDescriptor(fd);
}

/**
 * A new descriptor. Its number may be that of an old one which was closed by close(2) itself: the
 * kernel has forgotten that one, but the scheduler would take the new one for registered.
 */
function fresh<Yielded>(waits: Waits<Yielded>, fd: number): number {
  waits.forget(fd);
  return fd;
}
