/**
 * select(2): one call that waits for many descriptors.
 *
 * @example
 * ```ts
 * import { assert, assertThrows } from "@std/assert";
 *
 * const set = new FdSet();
 * set.add(7);
 * assert(set.has(7));
 * assertThrows(() => set.add(1024), RangeError);
 * ```
 *
 * @module
 */

import { EINTR, orErrno, orThrow } from "./errno.ts";
import { selecting as libc } from "./libc.ts";

/** How many descriptors an `fd_set` has room for: 0 to 1,023. */
export const FD_SETSIZE = 1024;

/**
 * An `fd_set`: one bit for each descriptor. Its methods are the macros FD_SET, FD_CLR, FD_ISSET and
 * FD_ZERO of select(2). Unless they are compiled with _FORTIFY_SOURCE, the macros do not check the
 * descriptor, and write outside the set; these methods do check it.
 */
export class FdSet {
  /** The bits. */
  readonly words: Int32Array<ArrayBuffer> = new Int32Array(FD_SETSIZE / 32);

  /** Adds a descriptor (FD_SET); throws a RangeError if it is 1,024 or more. */
  add(fd: number): void {
    this.words[wordOf(fd)] |= 1 << (fd & 31);
  }

  /** Removes a descriptor (FD_CLR). */
  delete(fd: number): void {
    this.words[wordOf(fd)] &= ~(1 << (fd & 31));
  }

  /** Whether a descriptor is in the set (FD_ISSET). */
  has(fd: number): boolean {
    return (this.words[wordOf(fd)] & (1 << (fd & 31))) !== 0;
  }

  /** Removes all (FD_ZERO). */
  clear(): void {
    this.words.fill(0);
  }
}

function wordOf(fd: number): number {
  if (!(fd >= 0 && fd < FD_SETSIZE)) {
    throw new RangeError(
      `descriptor ${fd} does not fit into an fd_set, which has room for 0 to ${FD_SETSIZE - 1}`,
    );
  }
  return fd >>> 5;
}

const timeval = new BigInt64Array(2);

/**
 * Waits until a descriptor is ready, `timeout` milliseconds at most; undefined is no limit.
 * Afterwards the sets contain only the ready ones, so they must be filled again before each call.
 * `nfds` is the highest descriptor in any of the sets, plus 1: how far the kernel has to look.
 *
 * @returns How many bits are left in the sets; 0 when the time is up, or when a signal came.
 * @throws {RangeError} if `nfds` is greater than 1,024. See select(2) for other errors.
 */
export function select(
  nfds: number,
  read: FdSet | null,
  write: FdSet | null,
  except: FdSet | null,
  timeout?: number,
): number {
  if (!(nfds >= 0 && nfds <= FD_SETSIZE)) wordOf(nfds - 1);
  // The kernel overwrites it with the time that was left.
  if (timeout !== undefined) {
    const microseconds = Math.ceil(timeout * 1000);
    timeval[0] = BigInt(Math.trunc(microseconds / 1e6));
    timeval[1] = BigInt(microseconds % 1e6);
  }
  const ready = orErrno(libc.select(
    nfds,
    read && read.words,
    write && write.words,
    except && except.words,
    timeout === undefined ? null : timeval,
  ));
  if (ready !== -EINTR) return orThrow("select", ready, nfds);
  // An error leaves the sets unchanged, which would look as if all descriptors were ready.
  for (const set of [read, write, except]) set?.clear();
  return 0;
}
