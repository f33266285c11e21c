/**
 * File descriptors of any kind: open(2), read(2), close(2), fcntl(2), and the limits on their
 * number.
 *
 * @module
 */

import { orErrno, orThrow } from "./errno.ts";
import { common, files, flags, limits } from "./libc.ts";

/** open(2): for reading. */
export const O_RDONLY = 0;
/** open(2): for reading and writing. */
export const O_RDWR = 0o2;
/** open(2): create the file if it does not exist. */
export const O_CREAT = 0o100;
/** open(2): discard the content of the file. */
export const O_TRUNC = 0o1000;
/** open(2): every write(2) goes to the end of the file, even if other programs extend it. */
export const O_APPEND = 0o2000;
/** lseek(2): count from the position of the next read or write. */
export const SEEK_CUR = 1;
/** open(2): close the descriptor when another program is executed. */
export const O_CLOEXEC = 0o2000000;
/** fcntl(2): get the descriptor's own flags, such as {@linkcode FD_CLOEXEC}. */
export const F_GETFD = 1;
/** fcntl(2): set the descriptor's own flags. */
export const F_SETFD = 2;
/** fcntl(2): get the status flags, such as {@linkcode O_NONBLOCK}. */
export const F_GETFL = 3;
/** fcntl(2): set the status flags. */
export const F_SETFL = 4;
/** fcntl(2): duplicate the descriptor, with FD_CLOEXEC; the argument is the lowest new number. */
export const F_DUPFD_CLOEXEC = 1030;
/** The descriptor is closed when another program is executed. */
export const FD_CLOEXEC = 1;
/** Calls that would have to wait fail with EAGAIN instead. */
export const O_NONBLOCK = 0o4000;
/** getrlimit(2): the highest descriptor number that a process can get, plus 1. */
export const RLIMIT_NOFILE = 7;

/**
 * Opens a file, see open(2).
 *
 * @param mode The permissions of a file that is created.
 * @throws {Deno.errors.NotFound} and others.
 */
export function open(path: string, flags: number, mode = 0): number {
  const name = new TextEncoder().encode(path + "\0");
  return orThrow("open", orErrno(files.open(name, flags, mode)), path);
}

/** Reads into the start of a buffer, see read(2). Returns the number of bytes; 0 at the end. */
export function read(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  return orThrow("read", orErrno(files.read(fd, buffer, buffer.length)), fd);
}

/** Closes a descriptor, see close(2). Throws BadResource if it was not open, or closed before. */
export function close(fd: number): void {
  orThrow("close", orErrno(common.close(fd)), fd);
}

/** Reads or changes a descriptor's flags, see fcntl(2). Returns what the command returns. */
export function fcntl(fd: number, command: number, argument = 0): number {
  return orThrow("fcntl", orErrno(flags.fcntl(fd, command, argument)), fd);
}

/** A limit, and how far it may be raised; `Infinity` is no limit. See getrlimit(2). */
export type ResourceLimit = { soft: number; hard: number };

const RLIM_INFINITY = 2n ** 64n - 1n;

/** Reads a limit of this process, see getrlimit(2). */
export function getrlimit(resource: number): ResourceLimit {
  const limit = new BigUint64Array(2);
  orThrow("getrlimit", orErrno(limits.getrlimit(resource, limit)), resource);
  const [soft, hard] = [...limit].map((n) => n === RLIM_INFINITY ? Infinity : Number(n));
  return { soft, hard };
}

/**
 * Changes a limit of this process, see setrlimit(2).
 *
 * @throws {Deno.errors.PermissionDenied} if it raises the hard limit without the privilege.
 */
export function setrlimit(resource: number, { soft, hard }: ResourceLimit): void {
  const words = [soft, hard].map((n) => n === Infinity ? RLIM_INFINITY : BigInt(n));
  orThrow("setrlimit", orErrno(limits.setrlimit(resource, BigUint64Array.from(words))), resource);
}

/**
 * Raises this process's limit of descriptors to the hard limit, and returns it.
 *
 * The soft limit is 1,024 on most machines, for the sake of programs that use select(2).
 */
export function raiseDescriptorLimit(): number {
  const { hard } = getrlimit(RLIMIT_NOFILE);
  setrlimit(RLIMIT_NOFILE, { soft: hard, hard });
  return hard;
}
