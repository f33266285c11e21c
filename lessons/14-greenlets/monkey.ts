/**
 * Calls that wait, and `patchAll`, which replaces them by others of the same names: gevent.monkey.
 *
 * As they are, they block the thread, and the hub with it. Patched, they let the current greenlet
 * wait and the others run. A module that has imported them notices nothing: an import is no copy,
 * but names what the module's variable holds now.
 *
 * @module
 */

import {
  accept as acceptWith,
  close as closeWith,
  connect as connectWith,
  recv as recvWith,
  sendAll as sendAllWith,
} from "../../shared/coroutine_sockets.ts";
import { close as closeDescriptor } from "../../shared/linux/descriptors.ts";
import {
  accept as blockingAccept,
  type Address,
  AF_INET,
  connect as connectSocket,
  listenTcp,
  recv as blockingRecv,
  sendAll as blockingSendAll,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
} from "../../shared/linux/socket.ts";
import { sleep as blockingSleep } from "../../shared/linux/time.ts";
import { type Coroutine, hub, sleep as hubSleep, waitRead, waitWrite } from "./hub.ts";

/** time.sleep: waits for some milliseconds. */
export let sleep: (milliseconds: number) => Coroutine = blocking(blockingSleep);

/** A listening TCP socket; on a patched one, `accept` has to be patched as well. */
export let listen: (address: Address) => number = listenTcp;

/** socket.accept: waits for a client, and returns its descriptor. */
export let accept: (listener: number) => Coroutine<number> = blocking(blockingAccept);

/**
 * socket.recv_into: waits until something has arrived, and puts it at the beginning of a buffer.
 *
 * @returns How many bytes it is; 0 at the end of the input.
 */
export let recv: (fd: number, buffer: Uint8Array<ArrayBuffer>) => Coroutine<number> = blocking(
  blockingRecv,
);

/**
 * socket.sendall: waits until the kernel has taken the first `length` bytes of a buffer, or all.
 * Patched, it lets other greenlets use the buffer meanwhile.
 */
export let sendAll: (
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length?: number,
) => Coroutine = blocking(blockingSendAll);

/** socket.close; patched, it gives an error to greenlets that wait for the socket. */
export let close: (fd: number) => void = closeDescriptor;

const waits = { readable: waitRead, writable: waitWrite, sleep: hubSleep, forget };

/** gevent.monkey.patch_all: from now on, only greenlets wait, and not the thread. */
export function patchAll(): void {
  sleep = hubSleep;
  listen = listenNonblocking;
  accept = (listener) => acceptWith(waits, listener);
  recv = (fd, buffer) => recvWith(waits, fd, buffer);
  sendAll = (fd, buffer, length) => sendAllWith(waits, fd, buffer, length);
  close = (fd) => closeWith(waits, fd);
}

/** A call that blocks the thread, to be called like one that does not: with `yield*`. */
function blocking<Args extends unknown[], Result>(
  call: (...args: Args) => Result,
): (...args: Args) => Coroutine<Result> {
  // deno-lint-ignore require-yield -- which is just what is wrong with it
  return function* (...args) {
    return call(...args);
  };
}

/**
 * socket.create_connection: a new socket, as soon as it is connected. As in Python, it is not
 * replaced itself, but waits as the patched calls do.
 */
export function connect(address: Address): Coroutine<number> {
  const isPatched = listen !== listenTcp;
  return isPatched ? connectWith(waits, address) : blocking(blockingConnect)(address);
}

function blockingConnect(address: Address): number {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
  try {
    connectSocket(fd, address);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function listenNonblocking(address: Address): number {
  const listener = listenTcp(address, SOCK_NONBLOCK);
  forget(listener); // its number may be that of a socket which was closed behind the hub's back
  return listener;
}

function forget(fd: number): void {
  hub?.cancelWait(fd);
}
