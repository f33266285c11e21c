/**
 * errno(3): what a failed call says about itself, as a number and as an error.
 *
 * Two call styles rest on it. Functions whose names begin with `try` return what the kernel itself
 * returns: a result, or a negative error number such as `-EAGAIN`. The others throw.
 *
 * @example
 * ```ts
 * import { assertInstanceOf } from "@std/assert";
 *
 * assertInstanceOf(systemError("recv", EAGAIN, 7), Deno.errors.WouldBlock);
 * ```
 *
 * @module
 */

import { common as libc } from "./libc.ts";
import { errnoName } from "./names.ts";

/** Operation not permitted. */
export const EPERM = 1;
/** No such thing. */
export const ENOENT = 2;
/** A signal interrupted the call before it could do anything. */
export const EINTR = 4;
/** Bad file descriptor. */
export const EBADF = 9;
/** No child processes. */
export const ECHILD = 10;
/** Nothing there yet, or no room yet: ask again later. The same number as EWOULDBLOCK. */
export const EAGAIN = 11;
/** Cannot allocate memory. */
export const ENOMEM = 12;
/** Permission denied. */
export const EACCES = 13;
/** Device or resource busy. */
export const EBUSY = 16;
/** Invalid argument. */
export const EINVAL = 22;
/** Too many open files in the whole system. */
export const ENFILE = 23;
/** Too many open files in this process. */
export const EMFILE = 24;
/** No space left on the disk. */
export const ENOSPC = 28;
/** Broken pipe: the other side has gone, nobody will read what is sent. */
export const EPIPE = 32;
/** The kernel does not have this call. */
export const ENOSYS = 38;
/** A timer has run out. */
export const ETIME = 62;
/** Address already in use. */
export const EADDRINUSE = 98;
/** The address is not one of this machine. */
export const EADDRNOTAVAIL = 99;
/** The client had gone before its connection was accepted. */
export const ECONNABORTED = 103;
/** The other side has reset the connection (RST). */
export const ECONNRESET = 104;
/** No buffer space available. */
export const ENOBUFS = 105;
/** The socket is not connected. */
export const ENOTCONN = 107;
/** Connection timed out. */
export const ETIMEDOUT = 110;
/** Nobody listens at that address. */
export const ECONNREFUSED = 111;
/** A non-blocking connect(2) has begun. */
export const EINPROGRESS = 115;

// Each thread has its own errno, and each Worker loads its own copy of this module.
const pointer = libc.__errno_location()!;
const location = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4));

/**
 * The error number of this thread's last failed call, see errno(3).
 *
 * It must be read at once: the next call into libc may overwrite it, and so may an allocation in
 * between, since the engine makes system calls of its own.
 */
export function errno(): number {
  return location[0];
}

/** Puts back an error number that something in between may have overwritten. */
export function setErrno(number: number): void {
  location[0] = number;
}

/** What the kernel itself returned: `-errno` instead of -1. The argument must be the call. */
export function orErrno(result: number): number {
  return result === -1 ? -location[0] : result; // at once: whatever comes next may change it
}

/** An error of a system call, with the names of the error and of the call, as EAGAIN and recv. */
export type SystemError = Error & { code: string; errno: number; syscall: string };

const classes: Record<string, new (message: string) => Error> = {
  EPERM: Deno.errors.PermissionDenied,
  EINTR: Deno.errors.Interrupted,
  EBADF: Deno.errors.BadResource,
  EAGAIN: Deno.errors.WouldBlock,
  EACCES: Deno.errors.PermissionDenied,
  EPIPE: Deno.errors.BrokenPipe,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  ECONNRESET: Deno.errors.ConnectionReset,
  ENOTCONN: Deno.errors.NotConnected,
  ETIMEDOUT: Deno.errors.TimedOut,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
};

/** An error such as `bind(3): EADDRINUSE (Address already in use)`, where 3 is the `subject`. */
export function systemError(
  syscall: string,
  errno: number,
  subject: number | string = "",
): SystemError {
  const code = errnoName(errno);
  const reason = new Deno.UnsafePointerView(libc.strerror(errno)!).getCString();
  const error = new (classes[code] ?? Error)(`${syscall}(${subject}): ${code} (${reason})`);
  return Object.assign(error, { code, errno, syscall });
}

/** Whether an error is a system call's. Any other is a bug in the script: it must not be hidden. */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "syscall" in error;
}

/** Returns what a `try` function returned, or throws if that is a negative error number. */
export function orThrow(syscall: string, result: number, subject: number | string = ""): number {
  if (result < 0) throw systemError(syscall, -result, subject);
  return result;
}
