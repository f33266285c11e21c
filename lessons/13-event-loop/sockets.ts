/**
 * Sockets for the coroutines of this loop. See shared/coroutine_sockets.ts for what each call does.
 *
 * @module
 */

import { type Sockets, socketsFor } from "../../shared/coroutine_sockets.ts";
import type { Address } from "../../shared/linux/socket.ts";
import { type Coroutine, type Future, runningLoop } from "./futures.ts";
import { sleep } from "./tasks.ts";

const sockets: Sockets<Future<unknown> | undefined> = socketsFor({
  ready: (fd, event) => runningLoop().readiness(fd, event),
  sleep,
  forget: (fd) => runningLoop().forget(fd),
});

/** Waits for a client, and returns its socket. Counterpart: `loop.sock_accept`. */
export const accept: (listener: number) => Coroutine<number> = sockets.accept;

/** Connects to a server, and returns the socket. Counterpart: `loop.sock_connect`. */
export const connect: (address: Address) => Coroutine<number> = sockets.connect;

/** Waits for bytes, and returns how many have come. Counterpart: `loop.sock_recv_into`. */
export const recv: (connection: number, buffer: Uint8Array<ArrayBuffer>) => Coroutine<number> =
  sockets.recv;

/** Sends the first `length` bytes of a buffer, or all. Counterpart: `loop.sock_sendall`. */
export const sendAll: (
  connection: number,
  buffer: Uint8Array<ArrayBuffer>,
  length?: number,
) => Coroutine = sockets.sendAll;

/** Closes a socket. Coroutines that wait for it are cancelled. */
export const close: (fd: number) => void = sockets.close;
