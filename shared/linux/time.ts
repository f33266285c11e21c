/**
 * The kernel's clocks: clock_gettime(2).
 *
 * @module
 */

import { orErrno, orThrow } from "./errno.ts";
import { libc } from "./libc.ts";

/** The wall clock, in which the kernel also stamps the data that arrives. */
export const CLOCK_REALTIME = 0;
/** A clock that is never set back. */
export const CLOCK_MONOTONIC = 1;
/** The CPU time of the calling thread. */
export const CLOCK_THREAD_CPUTIME_ID = 3;

const timespec = new BigInt64Array(2);

/**
 * Reads a clock, see clock_gettime(2).
 *
 * @returns Milliseconds with fractions, good to a quarter of a microsecond.
 */
export function clock_gettime(clock: number): number {
  orThrow("clock_gettime", orErrno(libc.clock_gettime(clock, timespec)), clock);
  return milliseconds(timespec[0], timespec[1]);
}

/** The milliseconds of a `struct timespec`, which counts seconds and nanoseconds. */
export function milliseconds(seconds: bigint, nanoseconds: bigint): number {
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}

/** Makes the whole thread sleep for so many milliseconds, as usleep(3) does in C. */
export function sleep(milliseconds: number): void {
  // Waits for a change of memory that no other thread knows of, so always until the time is up.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
