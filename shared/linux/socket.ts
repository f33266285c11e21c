/**
 * TCP sockets: socket(2), bind(2), listen(2), accept4(2), connect(2), recv(2), send(2) and their
 * family. See ip(7) and tcp(7) for the options.
 *
 * Functions whose names begin with `try` return a negative error number, such as `-EAGAIN`. The
 * others throw, for example {@linkcode Deno.errors.AddrInUse} or
 * {@linkcode Deno.errors.ConnectionReset}. Those that can wait, such as accept4 and recv, begin
 * again when a signal has interrupted them. connect does not, since it goes on in the background.
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
 *
 * @module
 */

import { isIPv4 } from "./address.ts";
import { close } from "./descriptors.ts";
import { ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, orErrno, orThrow } from "./errno.ts";
import { type Bytes, moreSockets, sockets as libc } from "./libc.ts";
import { sleep } from "./time.ts";

/** socket(2): IPv4. */
export const AF_INET = 2;
/** socket(2): a reliable stream of bytes, which is TCP. */
export const SOCK_STREAM = 1;
/** socket(2), accept4(2): the new socket is non-blocking. */
export const SOCK_NONBLOCK = 0o4000;
/** socket(2), accept4(2): programs started later do not inherit it. */
export const SOCK_CLOEXEC = 0o2000000;
/** listen(2): how many clients may wait; net.core.somaxconn caps it. */
export const SOMAXCONN = 4096;

/** setsockopt(2): options of the socket itself, see socket(7). */
export const SOL_SOCKET = 1;
/** The address may be bound while old connections are in TIME_WAIT. */
export const SO_REUSEADDR = 2;
/** The error that a socket has pending, which reading it clears. */
export const SO_ERROR = 4;
/** Bytes that the kernel keeps for sending. It doubles what is set. */
export const SO_SNDBUF = 7;
/** Bytes that the kernel keeps for receiving. It doubles what is set. */
export const SO_RCVBUF = 8;
/** What close(2) does with unsent bytes; two ints, and `{1, 0}` makes it send a reset. */
export const SO_LINGER = 13;
/** Several sockets may listen on the address, and the kernel spreads the clients over them. */
export const SO_REUSEPORT = 15;
/** How long a blocking recv(2) waits before it gives EAGAIN; a `struct timeval`, four ints. */
export const SO_RCVTIMEO = 20;
/** setsockopt(2): options of TCP, see tcp(7). */
export const IPPROTO_TCP = 6;
/** Small messages are sent at once, and not joined with later ones. */
export const TCP_NODELAY = 1;
/** tcp(7): break the connection if the peer has taken nothing for this many milliseconds. */
export const TCP_USER_TIMEOUT = 18;
/** How often connect(2) asks again before it gives up, after 1, 2, 4, … seconds. */
export const TCP_SYNCNT = 7;

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

/** Where a socket is: a numeric IPv4 address such as `127.0.0.1`, and a port from 0 to 65535. */
export type Address = { host: string; port: number };

/** `sizeof(struct sockaddr_in)`. */
export const SOCKADDR_IN_SIZE = 16;

/** A `struct sockaddr_in`, see ip(7). Throws a TypeError or a RangeError if there is none. */
export function sockaddrIn({ host, port }: Address): Bytes {
  if (!isIPv4(host)) throw new TypeError(`"${host}" is not a numeric IPv4 address`);
  if ((port & 0xffff) !== port) throw new RangeError(`${port} is not a port from 0 to 65535`);
  const address = new Uint8Array(SOCKADDR_IN_SIZE);
  // The family is in the machine's byte order, the port in the network's, which is big-endian.
  address.set([AF_INET, 0, port >> 8, port & 0xff, ...host.split(".").map(Number)]);
  return address;
}

/** Makes a socket, see socket(2). */
export function socket(domain: number, type: number, protocol = 0): number {
  return orThrow("socket", orErrno(libc.socket(domain, type, protocol)));
}

/** Sets an option to an int, or to several where it is a structure of them. See setsockopt(2). */
export function setsockopt(fd: number, level: number, name: number, ...value: number[]): void {
  const ints = Int32Array.from(value);
  orThrow("setsockopt", orErrno(libc.setsockopt(fd, level, name, ints, ints.byteLength)), fd);
}

/** Gives a socket its address, see bind(2). */
export function bind(fd: number, address: Address): void {
  orThrow("bind", orErrno(libc.bind(fd, sockaddrIn(address), SOCKADDR_IN_SIZE)), fd);
}

/** Lets clients connect, of which the kernel queues up to `backlog`. See listen(2). */
export function listen(fd: number, backlog = SOMAXCONN): void {
  orThrow("listen", orErrno(libc.listen(fd, backlog)), fd);
}

/** A listening TCP socket, whose accept4 does not wait with SOCK_NONBLOCK in `flags`. */
export function listenTcp(address: Address, flags = 0): number {
  const type = SOCK_STREAM | SOCK_CLOEXEC | flags;
  const fd = orThrow("socket", orErrno(libc.socket(AF_INET, type, 0)));
  try {
    const [name, on] = [sockaddrIn(address), Int32Array.of(1)];
    // A server that has ended can be started again at once. TCP_NODELAY is inherited by accepted
    // sockets, but on Linux O_NONBLOCK is not.
    orThrow("setsockopt", orErrno(libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, on, 4)), fd);
    orThrow("setsockopt", orErrno(libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, 4)), fd);
    orThrow("bind", orErrno(libc.bind(fd, name, SOCKADDR_IN_SIZE)), fd);
    orThrow("listen", orErrno(libc.listen(fd, SOMAXCONN)), fd);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** The address that a socket is bound to, see getsockname(2). */
export function getsockname(fd: number): Address {
  const address = new Uint8Array(SOCKADDR_IN_SIZE);
  orThrow("getsockname", orErrno(libc.getsockname(fd, address, Uint32Array.of(16))), fd);
  return { host: address.subarray(4, 8).join("."), port: address[2] << 8 | address[3] };
}

/** `HOST:PORT` of a socket, as the servers print it. */
export function addressOf(fd: number): string {
  const { host, port } = getsockname(fd);
  return `${host}:${port}`;
}

/**
 * Takes the first client out of the queue of a listening socket, see accept4(2). Returns its
 * descriptor, which is non-blocking with SOCK_NONBLOCK in `flags`, or `-EAGAIN`, `-EMFILE`, …
 */
export function tryAccept4(listener: number, flags = 0): number {
  return orErrno(libc.accept4(listener, null, null, flags | SOCK_CLOEXEC));
}

/** Like {@linkcode tryAccept4}, but throws. */
export function accept4(listener: number, flags = 0): number {
  return completed("accept4", listener, () => tryAccept4(listener, flags));
}

/** Waits for a client that has not gone again, and for resources; returns its descriptor. */
export function accept(listener: number): number {
  while (true) {
    const fd = tryAccept4(listener);
    if (isOutOfResources(fd)) sleep(100); // they may be free again then
    else if (fd !== -ECONNABORTED && fd !== -EINTR) return orThrow("accept4", fd, listener);
  }
}

/**
 * Whether accept4 found the process or the machine out of descriptors or memory. The client stays
 * queued and the listening socket readable, so a server that calls accept4 again at once spins.
 */
export function isOutOfResources(result: number): boolean {
  return result === -EMFILE || result === -ENFILE || result === -ENOBUFS || result === -ENOMEM;
}

/** Connects a socket, see connect(2). Returns 0, `-EINPROGRESS` if it is non-blocking, … */
export function tryConnect(fd: number, address: Address): number {
  return orErrno(moreSockets.connect(fd, sockaddrIn(address), SOCKADDR_IN_SIZE));
}

/** Like {@linkcode tryConnect}, but throws. */
export function connect(fd: number, address: Address): void {
  orThrow("connect", tryConnect(fd, address), fd);
}

/**
 * Receives up to `length` bytes into the beginning of `buffer`, see recv(2). Returns how many, 0 at
 * the end of the input, or `-EAGAIN`, … Throws a RangeError if `length` does not fit.
 */
export function tryRecv(fd: number, buffer: Bytes, length = buffer.length, flags = 0): number {
  checkLength(length, buffer, 1);
  return orErrno(libc.recv(fd, buffer, length, flags));
}

/** Waits for bytes, at most `length`, see recv(2). Returns how many, 0 at the end of the input. */
export function recv(fd: number, buffer: Bytes, length = buffer.length, flags = 0): number {
  checkLength(length, buffer, 1);
  return completed("recv", fd, () => orErrno(libc.recv(fd, buffer, length, flags)));
}

/**
 * Hands the first `length` bytes of `buffer` to the kernel, see send(2). Returns how many it took,
 * or `-EAGAIN`, `-EPIPE`, … (Deno ignores SIGPIPE.) Throws a RangeError if `length` does not fit.
 */
export function trySend(fd: number, buffer: Bytes, length = buffer.length, flags = 0): number {
  checkLength(length, buffer);
  return orErrno(libc.send(fd, buffer, length, flags));
}

/** Waits for room, and sends up to `length` bytes, see send(2). Returns how many it sent. */
export function send(fd: number, buffer: Bytes, length = buffer.length, flags = 0): number {
  checkLength(length, buffer);
  return completed("send", fd, () => orErrno(libc.send(fd, buffer, length, flags)));
}

/** Sends all of the first `length` bytes on a blocking socket, however often that takes. */
export function sendAll(fd: number, buffer: Bytes, length = buffer.length): void {
  let sent = send(fd, buffer, length);
  while (sent < length) sent += send(fd, buffer.subarray(sent, length));
}

/** Makes a call again while signals interrupt it; throws if it fails in another way. */
export function completed(syscall: string, fd: number, attempt: () => number): number {
  let result;
  do result = attempt(); while (result === -EINTR);
  return orThrow(syscall, result, fd);
}

/** Throws a RangeError if a buffer has not so many bytes, or if they are fewer than `least`. */
export function checkLength(length: number, buffer: Bytes, least = 0): void {
  if (length >= least && length <= buffer.length) return;
  throw new RangeError(`${length} bytes do not go with a buffer of ${buffer.length} bytes`);
}

/**
 * Ends one direction of a connection, or both, for everybody who has it open. Returns 0, or
 * `-ENOTCONN` if it is broken. See shutdown(2).
 */
export function tryShutdown(fd: number, how: number): number {
  return orErrno(moreSockets.shutdown(fd, how));
}

/** Like {@linkcode tryShutdown}, but throws. */
export function shutdown(fd: number, how: number): void {
  orThrow("shutdown", tryShutdown(fd, how), fd);
}

/** Reads an option that is an int, see getsockopt(2). */
export function getsockopt(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  const length = Uint32Array.of(value.byteLength);
  orThrow("getsockopt", orErrno(moreSockets.getsockopt(fd, level, name, value, length)), fd);
  return value[0];
}
