/**
 * Sockets for the coroutines of this loop. See shared/coroutine_sockets.ts for what each call does.
 *
 * @module
 */

import {
  accept as acceptWith,
  close as closeWith,
  connect as connectWith,
  recv as recvWith,
  sendAll as sendAllWith,
  type Waits,
} from "../../shared/coroutine_sockets.ts";
import type { Address } from "../../shared/linux/socket.ts";
import { EVENT_READ, EVENT_WRITE } from "../../shared/selectors/selector.ts";
import { type Coroutine, type Future, runningLoop } from "./futures.ts";
import { sleep } from "./tasks.ts";

const waits: Waits<Future<unknown> | undefined> = {
  readable: (fd) => runningLoop().readiness(fd, EVENT_READ),
  writable: (fd) => runningLoop().readiness(fd, EVENT_WRITE),
  sleep,
  forget: (fd) => runningLoop().forget(fd),
};

/** Waits for a client, and returns its socket. Counterpart: `loop.sock_accept`. */
export function accept(listener: number): Coroutine<number> {
  return acceptWith(waits, listener);
}

/** Connects to a server, and returns the socket. Counterpart: `loop.sock_connect`. */
export function connect(address: Address): Coroutine<number> {
  return connectWith(waits, address);
}

/** Waits for bytes, and returns how many have come. Counterpart: `loop.sock_recv_into`. */
export function recv(connection: number, buffer: Uint8Array<ArrayBuffer>): Coroutine<number> {
  return recvWith(waits, connection, buffer);
}

/** Sends the first `length` bytes of a buffer, or all. Counterpart: `loop.sock_sendall`. */
export function sendAll(
  connection: number,
  buffer: Uint8Array<ArrayBuffer>,
  length?: number,
): Coroutine {
  return sendAllWith(waits, connection, buffer, length);
}

/** Closes a socket. Coroutines that wait for it are cancelled. */
export function close(fd: number): void {
  closeWith(waits, fd);
}
