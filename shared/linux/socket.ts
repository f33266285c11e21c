/**
 * TCP sockets: socket(2), bind(2), listen(2), accept4(2), connect(2), recv(2), send(2) and their
 * family. See ip(7) and tcp(7) for the options.
 *
 * Functions whose names begin with `try` return a negative error number and never throw because of
 * one. The others throw. Those that can wait, such as accept4 and recv, begin again when a signal
 * has interrupted them; connect does not, since it goes on in the background.
 *
 * @module
 */

import { close } from "./descriptors.ts";
import { ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, orErrno, orThrow } from "./errno.ts";
import { libc } from "./libc.ts";
import { sleep } from "./time.ts";

/** socket(2): IPv4. */
export const AF_INET = 2;
/** socket(2): a reliable stream of bytes, which is TCP. */
export const SOCK_STREAM = 1;
/** socket(2), accept4(2): the new socket is non-blocking. */
export const SOCK_NONBLOCK = 0o4000;
/** socket(2), accept4(2): the new socket is not inherited by programs that are started. */
export const SOCK_CLOEXEC = 0o2000000;
/** listen(2): how many clients may wait to be accepted; net.core.somaxconn caps it. */
export const SOMAXCONN = 4096;

/** setsockopt(2): options of the socket itself, see socket(7). */
export const SOL_SOCKET = 1;
/** The address may be bound although old connections of it are still in TIME_WAIT. */
export const SO_REUSEADDR = 2;
/** The error that a socket has pending, which reading it clears. */
export const SO_ERROR = 4;
/** Bytes that the kernel keeps for sending. It doubles what is set. */
export const SO_SNDBUF = 7;
/** Bytes that the kernel keeps for receiving. It doubles what is set. */
export const SO_RCVBUF = 8;
/** What close(2) does with unsent bytes; two ints, and `{1, 0}` makes it send a reset. */
export const SO_LINGER = 13;
/** How long a blocking recv(2) waits before it gives EAGAIN; a `struct timeval`, four ints. */
export const SO_RCVTIMEO = 20;
/** setsockopt(2): options of TCP, see tcp(7). */
export const IPPROTO_TCP = 6;
/** Small messages are sent at once and not held back to be joined with later ones. */
export const TCP_NODELAY = 1;

/** recv(2): leave the bytes in the kernel. */
export const MSG_PEEK = 0x2;
/** recv(2) on TCP: do not copy the bytes; without MSG_PEEK they are discarded. */
export const MSG_TRUNC = 0x20;
/** recv(2), send(2): do not wait, whatever the socket's own flag says. */
export const MSG_DONTWAIT = 0x40;
/** recv(2): wait until the whole buffer is full. */
export const MSG_WAITALL = 0x100;

/** shutdown(2): nothing more will be received. */
export const SHUT_RD = 0;
/** shutdown(2): nothing more will be sent; the other side sees the end of its input. */
export const SHUT_WR = 1;
/** shutdown(2): both. */
export const SHUT_RDWR = 2;

/** Where a socket is, or shall be. */
export interface Address {
  /** A numeric IPv4 address such as `127.0.0.1`. */
  host: string;
  /** From 1 to 65535; 0 lets the kernel choose when a socket is bound. */
  port: number;
}

/** `sizeof(struct sockaddr_in)`. */
export const SOCKADDR_IN_SIZE = 16;

/**
 * A `struct sockaddr_in`, see ip(7).
 *
 * @throws {TypeError} if the host is not a numeric IPv4 address.
 * @throws {RangeError} if the port is not a whole number from 0 to 65535.
 */
export function sockaddrIn({ host, port }: Address): Uint8Array<ArrayBuffer> {
  const bytes = host.split(".").map((part) => /^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : NaN);
  if (bytes.length !== 4 || !bytes.every((byte) => byte <= 255)) {
    throw new TypeError(`"${host}" is not a numeric IPv4 address such as 127.0.0.1`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`${port} is not a port from 0 to 65535`);
  }
  const address = new Uint8Array(SOCKADDR_IN_SIZE);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET, true); // the machine's byte order, little-endian on both platforms
  view.setUint16(2, port); // the network's byte order, big-endian
  address.set(bytes, 4);
  return address;
}

/** Makes a socket, see socket(2). */
export function socket(domain: number, type: number, protocol = 0): number {
  return orThrow("socket", orErrno(libc.socket(domain, type, protocol)));
}

/**
 * Gives a socket its address, see bind(2).
 *
 * @throws {Deno.errors.AddrInUse} if another socket has it.
 * @throws {Deno.errors.PermissionDenied} for a port that only root may have.
 */
export function bind(fd: number, address: Address): void {
  const bytes = sockaddrIn(address);
  orThrow("bind", orErrno(libc.bind(fd, bytes, bytes.length)), fd);
}

/** Lets clients connect, of which the kernel queues up to `backlog`. See listen(2). */
export function listen(fd: number, backlog = SOMAXCONN): void {
  orThrow("listen", orErrno(libc.listen(fd, backlog)), fd);
}

/**
 * A listening TCP socket: socket, setsockopt, bind and listen in turn.
 *
 * SO_REUSEADDR lets a server that has ended be started again at once. TCP_NODELAY is inherited by
 * the accepted sockets, but O_NONBLOCK, on Linux, is not.
 *
 * @param flags SOCK_NONBLOCK if accept4 shall not wait.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { close } from "./descriptors.ts";
 * import { EAGAIN } from "./errno.ts";
 *
 * const listener = listenTcp({ host: "127.0.0.1", port: 0 }, SOCK_NONBLOCK);
 * assertEquals(tryAccept4(listener), -EAGAIN);
 * close(listener);
 * ```
 */
export function listenTcp(address: Address, flags = 0): number {
  const listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags);
  try {
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, 1);
    bind(listener, address);
    listen(listener);
    return listener;
  } catch (error) {
    close(listener);
    throw error;
  }
}

/**
 * Takes the first client out of the queue of a listening socket, see accept4(2).
 *
 * @param flags SOCK_NONBLOCK for a non-blocking connection. SOCK_CLOEXEC is always added.
 * @returns The new descriptor, or `-EAGAIN`, `-EMFILE`, …
 */
export function tryAccept4(listener: number, flags = 0): number {
  return orErrno(libc.accept4(listener, null, null, flags | SOCK_CLOEXEC));
}

/** Like {@linkcode tryAccept4}, but throws. */
export function accept4(listener: number, flags = 0): number {
  let result;
  do result = tryAccept4(listener, flags); while (result === -EINTR);
  return orThrow("accept4", result, listener);
}

/**
 * Waits until there is a client, and returns its descriptor. If that client has already gone, it
 * waits for the next one. While there are no descriptors or no memory left, it tries again every
 * 100 ms.
 */
export function accept(listener: number): number {
  while (true) {
    const result = tryAccept4(listener);
    if (isOutOfResources(result)) sleep(100);
    else if (result !== -ECONNABORTED && result !== -EINTR) {
      return orThrow("accept4", result, listener);
    }
  }
}

/**
 * Whether accept4 failed because the process or the machine has run out of descriptors or memory.
 * The client stays in the queue then and the listening socket stays readable, so a server that
 * simply calls accept4 again would spin.
 */
export function isOutOfResources(result: number): boolean {
  return result === -EMFILE || result === -ENFILE || result === -ENOBUFS || result === -ENOMEM;
}

/**
 * Connects a socket, see connect(2).
 *
 * @returns 0, `-EINPROGRESS` if the socket is non-blocking, `-ECONNREFUSED`, …
 */
export function tryConnect(fd: number, address: Address): number {
  const bytes = sockaddrIn(address);
  return orErrno(libc.connect(fd, bytes, bytes.length));
}

/**
 * Connects a socket, see connect(2).
 *
 * @throws {Deno.errors.ConnectionRefused} if nobody listens there.
 */
export function connect(fd: number, address: Address): void {
  orThrow("connect", tryConnect(fd, address), fd);
}

/**
 * Receives what has arrived, `length` bytes at the most, into the beginning of `buffer`. See
 * recv(2).
 *
 * @returns The number of bytes, 0 at the end of the input, or `-EAGAIN`, `-ECONNRESET`, …
 * @throws {RangeError} if `length` is 0, since the answer would mean "end", or if it does not fit.
 */
export function tryRecv(
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length = buffer.length,
  flags = 0,
): number {
  if (!(length > 0 && length <= buffer.length)) throw badLength(length, buffer);
  return orErrno(libc.recv(fd, buffer, length, flags));
}

/**
 * Like {@linkcode tryRecv}, but throws.
 *
 * @throws {Deno.errors.WouldBlock} if the socket is non-blocking and nothing has arrived.
 * @throws {Deno.errors.ConnectionReset} if the other side has broken the connection off.
 */
export function recv(
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length = buffer.length,
  flags = 0,
): number {
  let result;
  do result = tryRecv(fd, buffer, length, flags); while (result === -EINTR);
  return orThrow("recv", result, fd);
}

/**
 * Hands the first `length` bytes of `buffer` to the kernel, or as many as it takes. See send(2).
 *
 * @returns How many it took, or `-EAGAIN`, `-EPIPE`, … (Deno ignores SIGPIPE.)
 * @throws {RangeError} if `length` does not fit.
 */
export function trySend(
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length = buffer.length,
  flags = 0,
): number {
  if (!(length >= 0 && length <= buffer.length)) throw badLength(length, buffer);
  return orErrno(libc.send(fd, buffer, length, flags));
}

/**
 * Like {@linkcode trySend}, but throws.
 *
 * @throws {Deno.errors.WouldBlock} if the socket is non-blocking and the kernel has no room.
 * @throws {Deno.errors.BrokenPipe} if the other side has gone.
 */
export function send(
  fd: number,
  buffer: Uint8Array<ArrayBuffer>,
  length = buffer.length,
  flags = 0,
): number {
  let result;
  do result = trySend(fd, buffer, length, flags); while (result === -EINTR);
  return orThrow("send", result, fd);
}

/** Sends all of the first `length` bytes on a blocking socket, however often that takes. */
export function sendAll(fd: number, buffer: Uint8Array<ArrayBuffer>, length = buffer.length): void {
  let sent = send(fd, buffer, length);
  while (sent < length) sent += send(fd, buffer.subarray(sent, length));
}

/** Ends one direction of a connection, or both, for everybody who has it open. See shutdown(2). */
export function shutdown(fd: number, how: number): void {
  orThrow("shutdown", orErrno(libc.shutdown(fd, how)), fd);
}

/** The address that a socket is bound to, see getsockname(2). */
export function getsockname(fd: number): Address {
  const address = new Uint8Array(SOCKADDR_IN_SIZE);
  const length = Uint32Array.of(address.length);
  orThrow("getsockname", orErrno(libc.getsockname(fd, address, length)), fd);
  const port = new DataView(address.buffer).getUint16(2);
  return { host: address.subarray(4, 8).join("."), port };
}

/** `HOST:PORT` of a socket, as the servers print it. */
export function addressOf(fd: number): string {
  const { host, port } = getsockname(fd);
  return `${host}:${port}`;
}

/** Sets an option to an int, or to several where it is a structure of them. See setsockopt(2). */
export function setsockopt(fd: number, level: number, name: number, ...value: number[]): void {
  const ints = Int32Array.from(value);
  orThrow("setsockopt", orErrno(libc.setsockopt(fd, level, name, ints, ints.byteLength)), fd);
}

/** Reads an option that is an int, see getsockopt(2). */
export function getsockopt(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  const length = Uint32Array.of(value.byteLength);
  orThrow("getsockopt", orErrno(libc.getsockopt(fd, level, name, value, length)), fd);
  return value[0];
}

/** The error for a length that does not go with a buffer. */
export function badLength(length: number, buffer: Uint8Array): RangeError {
  return new RangeError(`${length} bytes do not go with a buffer of ${buffer.length} bytes`);
}
