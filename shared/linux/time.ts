/**
 * The kernel's clocks: clock_gettime(2).
 *
 * @module
 */

import { orErrno, orThrow } from "./errno.ts";
import { clocks as libc } from "./libc.ts";

/** The wall clock, which the kernel also uses for the timestamps of data that arrives. */
export const CLOCK_REALTIME = 0;
/** A clock that never goes backwards. */
export const CLOCK_MONOTONIC = 1;
/** The CPU time of all threads of the process, those that the kernel adds for it included. */
export const CLOCK_PROCESS_CPUTIME_ID = 2;
/** The CPU time of the calling thread. */
export const CLOCK_THREAD_CPUTIME_ID = 3;

const timespec = new BigInt64Array(2);

/** Reads a clock in milliseconds, exact to a quarter of a microsecond, see clock_gettime(2). */
export function clock_gettime(clock: number): number {
  orThrow("clock_gettime", orErrno(libc.clock_gettime(clock, timespec)), clock);
  return milliseconds(timespec[0], timespec[1]);
}

/** Converts a `struct timespec`, which has seconds and nanoseconds, into milliseconds. */
export function milliseconds(seconds: bigint, nanoseconds: bigint): number {
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}

/** Makes the whole thread sleep for some milliseconds, as nanosleep(2) does in C. */
export function sleep(milliseconds: number): void {
  // Waits for a change in memory that nothing else can reach, so always until the time is up.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
