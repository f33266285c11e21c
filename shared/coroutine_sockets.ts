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
import { EVENT_READ, EVENT_WRITE } from "./selectors/selector.ts";

/** What a scheduler does for sockets. Its coroutines yield a `Yielded` to it when they wait. */
export interface Waits<Yielded> {
  /** Waits until a descriptor is ready for EVENT_READ or EVENT_WRITE. */
  ready(fd: number, event: number): Generator<Yielded, void, void>;
  /** Waits for a time in milliseconds. */
  sleep(milliseconds: number): Generator<Yielded, void, void>;
  /** Forgets what it knows of a descriptor, and interrupts coroutines that wait for it. */
  forget(fd: number): void;
}

/** Calls on non-blocking sockets that let a coroutine wait, and not the thread. */
export interface Sockets<Yielded> {
  /**
   * Waits for a client. If the descriptors have run out, it tries again every 100 ms. See
   * accept4(2).
   *
   * @returns The client's socket.
   */
  accept(listener: number): Generator<Yielded, number, void>;

  /**
   * Connects to a server. See connect(2).
   *
   * @returns The socket.
   * @throws {Deno.errors.ConnectionRefused} if nobody listens there.
   */
  connect(address: Address): Generator<Yielded, number, void>;

  /**
   * Waits until bytes have arrived, and puts them at the beginning of a buffer. See recv(2).
   *
   * @returns How many; 0 at the end of the input.
   * @throws {Deno.errors.ConnectionReset} and others, if the connection is broken.
   */
  recv(connection: number, buffer: Uint8Array<ArrayBuffer>): Generator<Yielded, number, void>;

  /**
   * Sends the first `length` bytes of a buffer, and waits whenever the socket is full. What it does
   * not take at once is copied, so others may use the buffer meanwhile. See send(2).
   *
   * @throws {Deno.errors.BrokenPipe} and others, if the connection is broken.
   */
  sendAll(
    connection: number,
    buffer: Uint8Array<ArrayBuffer>,
    length?: number,
  ): Generator<Yielded, void, void>;

  /** Closes a socket, and interrupts coroutines that wait for it. See close(2). */
  close(fd: number): void;
}

/** The calls, for the coroutines of one scheduler. */
export function socketsFor<Yielded>({ ready, sleep, forget }: Waits<Yielded>): Sockets<Yielded> {
  function* accept(listener: number): Generator<Yielded, number, void> {
    while (true) {
      yield* ready(listener, EVENT_READ);
      const result = tryAccept4(listener, SOCK_NONBLOCK);
      // The listener stays ready while descriptors are short, so to wait for it would spin.
      if (isOutOfResources(result)) yield* sleep(100);
      else if (result !== -EAGAIN && result !== -ECONNABORTED) {
        return fresh(orThrow("accept4", result, listener));
      }
    }
  }

  function* connect(address: Address): Generator<Yielded, number, void> {
    const fd = fresh(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC));
    try {
      let result = tryConnect(fd, address);
      if (result === -EINPROGRESS) {
        yield* ready(fd, EVENT_WRITE);
        result = -getsockopt(fd, SOL_SOCKET, SO_ERROR);
      }
      orThrow("connect", result, fd);
      return fd;
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  function* recv(
    connection: number,
    buffer: Uint8Array<ArrayBuffer>,
  ): Generator<Yielded, number, void> {
    while (true) {
      // Phase 1. It waits even if bytes are there already, so that a client which never stops
      // sending does not keep the others from their turn; and most often none are.
      yield* ready(connection, EVENT_READ);
      const result = tryRecv(connection, buffer); // phase 2, the copy
      if (result !== -EAGAIN) return orThrow("recv", result, connection);
    }
  }

  function* sendAll(
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
      yield* ready(connection, EVENT_WRITE);
      sent = trySend(connection, rest);
    }
  }

  function close(fd: number): void {
    forget(fd);
    closeDescriptor(fd);
  }

  /**
   * A new descriptor. Its number may be that of an old one which was closed by close(2) itself: the
   * kernel has forgotten that one, but the scheduler would take the new one for registered.
   */
  function fresh(fd: number): number {
    forget(fd);
    return fd;
  }

  return { accept, close, connect, recv, sendAll };
}
