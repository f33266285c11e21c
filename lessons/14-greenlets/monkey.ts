/**
 * Calls that wait, and `patchAll`, which replaces them by others of the same names: gevent.monkey.
 *
 * As they are, they block the thread, and the hub with it. Patched, they let the current greenlet
 * wait and the others run. Whoever has imported them notices nothing: an import is not a copy, but
 * names what the module's variable holds now.
 *
 * @module
 */

import { close as closeDescriptor } from "../../shared/linux/descriptors.ts";
import {
  EAGAIN,
  ECONNABORTED,
  EINPROGRESS,
  EINTR,
  orThrow,
  systemError,
} from "../../shared/linux/errno.ts";
import {
  accept as blockingAccept,
  type Address,
  AF_INET,
  connect as connectSocket,
  getsockopt,
  isOutOfResources,
  listenTcp,
  recv as blockingRecv,
  sendAll as blockingSendAll,
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
} from "../../shared/linux/socket.ts";
import { sleep as blockingSleep } from "../../shared/linux/time.ts";
import { getHub, sleep as hubSleep, type Waiting, waitRead, waitWrite } from "./greenlet.ts";

/** time.sleep: waits for some milliseconds. */
export let sleep: (milliseconds: number) => Waiting = blocking(blockingSleep);

/** A listening TCP socket; on a patched one, `accept` has to be patched as well. */
export let listen: (address: Address) => number = listenTcp;

/** socket.accept: waits for a client, and returns its descriptor. */
export let accept: (listener: number) => Waiting<number> = blocking(blockingAccept);

/** socket.connect: a new socket, as soon as it is connected. */
export let connect: (address: Address) => Waiting<number> = blocking(blockingConnect);

/**
 * socket.recv: waits until something has arrived, and puts it into the beginning of a buffer.
 *
 * @returns How many bytes it is, 0 at the end of the input.
 */
export let recv: (fd: number, buffer: Uint8Array<ArrayBuffer>) => Waiting<number> = blocking(
  blockingRecv,
);

/**
 * socket.sendall: waits until the kernel has taken the first `length` bytes of a buffer. Others may
 * use the buffer meanwhile.
 */
export let sendAll: (
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length?: number,
) => Waiting = blocking(blockingSendAll);

/** socket.close; patched, it gives an error to greenlets that wait for the socket. */
export let close: (fd: number) => void = closeDescriptor;

/** gevent.monkey.patch_all: from now on, only greenlets wait, and not the thread. */
export function patchAll(): void {
  sleep = hubSleep;
  listen = (address) => listenTcp(address, SOCK_NONBLOCK);
  accept = hubAccept;
  connect = hubConnect;
  recv = hubRecv;
  sendAll = hubSendAll;
  close = hubClose;
}

/** A call that blocks the thread, to be called like one that does not: with `yield*`. */
function blocking<Args extends unknown[], Result>(
  call: (...args: Args) => Result,
): (...args: Args) => Waiting<Result> {
  // deno-lint-ignore require-yield -- which is just what is wrong with it
  return function* (...args) {
    return call(...args);
  };
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

function* hubAccept(listener: number): Waiting<number> {
  while (true) {
    const result = tryAccept4(listener, SOCK_NONBLOCK);
    if (result >= 0) return result;
    if (result === -EAGAIN) yield* waitRead(listener);
    // The listener stays ready while descriptors are short, so waiting for it would spin.
    else if (isOutOfResources(result)) yield* hubSleep(100);
    else if (result !== -EINTR && result !== -ECONNABORTED) {
      throw systemError("accept4", -result, listener);
    }
  }
}

function* hubConnect(address: Address): Waiting<number> {
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = socket(AF_INET, type);
  try {
    const result = tryConnect(fd, address);
    if (result === -EINPROGRESS) {
      yield* waitWrite(fd);
      const error = getsockopt(fd, SOL_SOCKET, SO_ERROR);
      orThrow("connect", -error, fd);
    } else orThrow("connect", result, fd);
    return fd;
  } catch (error) {
    hubClose(fd);
    throw error;
  }
}

/** How often in a row recv may find something at once. */
const TURN = 16;
let turn = 0;

function* hubRecv(fd: number, buffer: Uint8Array<ArrayBuffer>): Waiting<number> {
  // A client that sends as fast as it is served would keep the thread for itself, as in gevent.
  if (++turn > TURN) {
    turn = 0;
    yield* hubSleep(0);
  }
  while (true) {
    // First the call, and only then the wait: often there is something already.
    const result = tryRecv(fd, buffer);
    if (result >= 0) return result;
    if (result === -EAGAIN) {
      turn = 0;
      yield* waitRead(fd);
    } else if (result !== -EINTR) throw systemError("recv", -result, fd);
  }
}

function* hubSendAll(
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length = buffer.length,
): Waiting {
  let sent = trySend(fd, buffer, length);
  if (sent === length) return; // nearly always, and then nothing is allocated
  // While this greenlet waits, others may use the buffer.
  let rest = buffer.slice(Math.max(sent, 0), length);
  while (rest.length > 0) {
    if (sent === -EAGAIN) yield* waitWrite(fd);
    else if (sent < 0 && sent !== -EINTR) throw systemError("send", -sent, fd);
    sent = trySend(fd, rest);
    if (sent > 0) rest = rest.subarray(sent);
  }
}

function hubClose(fd: number): void {
  getHub().cancelWait(fd);
  closeDescriptor(fd);
}
