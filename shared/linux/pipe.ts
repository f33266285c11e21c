/**
 * Bytes that move inside the kernel and never enter the program: pipe2(2), splice(2), sendfile(2).
 *
 * Functions whose names begin with `try` return a negative error number, such as `-EAGAIN`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { close } from "./descriptors.ts";
 * import { EAGAIN } from "./errno.ts";
 *
 * const [from, to] = [pipe2(), pipe2()];
 * assertEquals(trySplice(from.read, to.write, 4096, SPLICE_F_NONBLOCK), -EAGAIN);
 * for (const fd of [from.read, from.write, to.read, to.write]) close(fd);
 * ```
 *
 * @module
 */

import { O_CLOEXEC } from "./descriptors.ts";
import { orErrno, orThrow } from "./errno.ts";
import { pipes as libc } from "./libc.ts";

/** fcntl(2): how many bytes a pipe has room for, if each of its pages is full. */
export const F_GETPIPE_SZ = 1032;
/** fcntl(2): changes that. Without a privilege, no pipe can have more than 1 MiB. */
export const F_SETPIPE_SZ = 1031;
/** splice(2): move the pages if that is possible; a hint, which the kernel may ignore. */
export const SPLICE_F_MOVE = 1;
/** splice(2): do not wait for the pipe. A socket has to be non-blocking by itself. */
export const SPLICE_F_NONBLOCK = 2;

/** The two ends of a pipe. */
export type Pipe = { read: number; write: number };

/**
 * Makes a pipe, see pipe2(2).
 *
 * @throws {Error} if there are no descriptors left, among others.
 */
export function pipe2(flags = O_CLOEXEC): Pipe {
  const fds = new Int32Array(2);
  orThrow("pipe2", orErrno(libc.pipe2(fds, flags)));
  return { read: fds[0], write: fds[1] };
}

/**
 * Moves up to `length` bytes from one descriptor to another, one of which is a pipe, see splice(2).
 * Returns how many, 0 at the end of the input, or `-EAGAIN`, … EAGAIN does not say which of the two
 * was not ready.
 */
export function trySplice(from: number, to: number, length: number, flags = 0): number {
  return orErrno(libc.splice(from, null, to, null, length, flags));
}

/**
 * Sends up to `length` bytes of a file, from its current position on, see sendfile(2). Returns how
 * many, 0 at the end of the file, or `-EAGAIN`, `-EPIPE`, …
 */
export function trySendfile(to: number, file: number, length: number): number {
  return orErrno(libc.sendfile(to, file, null, length));
}
