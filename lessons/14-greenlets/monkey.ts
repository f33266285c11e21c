/**
 * Calls that wait, and `patchAll`, which replaces them by others of the same names: gevent.monkey.
 *
 * As they are, they block the thread, and the hub with it. Patched, they let the current greenlet
 * wait and the others run. Whoever has imported them notices nothing: an import is not a copy, but
 * names what the module's variable holds now.
 *
 * @module
 */

import * as descriptors from "../../shared/linux/descriptors.ts";
import {
  EAGAIN,
  ECONNABORTED,
  EINPROGRESS,
  EINTR,
  orThrow,
  systemError,
} from "../../shared/linux/errno.ts";
import * as socket from "../../shared/linux/socket.ts";
import { type Address, SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import * as greenlet from "./greenlet.ts";
import { getHub, type Waiting, waitRead, waitWrite } from "./greenlet.ts";

/** time.sleep: waits for some milliseconds. */
export let sleep: (milliseconds: number) => Waiting = blocking(socket.sleep);

/** A listening TCP socket; on a patched one, `accept` has to be patched as well. */
export let listen: (address: Address) => number = socket.listenTcp;

/** socket.accept: waits for a client, and returns its descriptor. */
export let accept: (listener: number) => Waiting<number> = blocking(socket.accept);

/** socket.connect: a new socket, as soon as it is connected. */
export let connect: (address: Address) => Waiting<number> = blocking(blockingConnect);

/**
 * socket.recv: waits until something has arrived, and puts it into the beginning of a buffer.
 *
 * @returns How many bytes it is, 0 at the end of the input.
 */
export let recv: (fd: number, buffer: Uint8Array<ArrayBuffer>) => Waiting<number> = blocking(
  socket.recv,
);

/**
 * socket.sendall: waits until the kernel has taken the first `length` bytes of a buffer. Others may
 * use the buffer meanwhile.
 */
export let sendAll: (
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length?: number,
) => Waiting = blocking(socket.sendAll);

/** socket.close; patched, it gives an error to greenlets that wait for the socket. */
export let close: (fd: number) => void = descriptors.close;

/** gevent.monkey.patch_all: from now on, only greenlets wait, and not the thread. */
export function patchAll(): void {
  sleep = greenlet.sleep;
  listen = (address) => socket.listenTcp(address, SOCK_NONBLOCK);
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
  const fd = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC);
  try {
    socket.connect(fd, address);
    return fd;
  } catch (error) {
    descriptors.close(fd);
    throw error;
  }
}

function* hubAccept(listener: number): Waiting<number> {
  while (true) {
    const result = socket.tryAccept4(listener, SOCK_NONBLOCK);
    if (result >= 0) return result;
    if (result === -EAGAIN) yield* waitRead(listener);
    // The listener stays ready while descriptors are short, so waiting for it would spin.
    else if (socket.isShortage(result)) yield* greenlet.sleep(100);
    else if (result !== -EINTR && result !== -ECONNABORTED) {
      throw systemError("accept4", -result, listener);
    }
  }
}

function* hubConnect(address: Address): Waiting<number> {
  const type = socket.SOCK_STREAM | SOCK_NONBLOCK | socket.SOCK_CLOEXEC;
  const fd = socket.socket(socket.AF_INET, type);
  try {
    const result = socket.tryConnect(fd, address);
    if (result === -EINPROGRESS) {
      yield* waitWrite(fd);
      const error = socket.getsockopt(fd, socket.SOL_SOCKET, socket.SO_ERROR);
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
    yield* greenlet.sleep(0);
  }
  while (true) {
    // First the call, and only then the wait: often there is something already.
    const result = socket.tryRecv(fd, buffer);
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
  let sent = socket.trySend(fd, buffer, length);
  if (sent === length) return; // nearly always, and then nothing is allocated
  // While this greenlet waits, others may use the buffer.
  let rest = buffer.slice(Math.max(sent, 0), length);
  while (rest.length > 0) {
    if (sent === -EAGAIN) yield* waitWrite(fd);
    else if (sent < 0 && sent !== -EINTR) throw systemError("send", -sent, fd);
    sent = socket.trySend(fd, rest);
    if (sent > 0) rest = rest.subarray(sent);
  }
}

function hubClose(fd: number): void {
  getHub().cancelWait(fd);
  descriptors.close(fd);
}
