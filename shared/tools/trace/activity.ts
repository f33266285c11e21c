/**
 * What a thread did between its calls, and inside long ones. The clock alone cannot tell: a thread
 * that waits, one that computes and one whose core was given to others look the same. The kernel's
 * own accounting can, but asking it takes as long as a call, so it is asked only after something
 * that took long.
 *
 * @module
 */

import { clocks } from "../../linux/libc.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_THREAD_CPUTIME_ID } from "../../linux/time.ts";
import { voluntarySwitches } from "../../linux/usage.ts";

/** Microseconds. What takes longer was a wait, a computation, or a time without a core. */
const LONG = 1000;
/** Microseconds. A call that takes longer may have waited. */
const SHORT = 50;

// The plain function, also when there is a wrapper in its place.
const { clock_gettime } = clocks;
// The halves of a timespec are read as 32 bits each, since 64 would be bigints: this is done twice
// for every call.
const timespec = new Uint32Array(4);

function clock(id: number): number {
  clock_gettime(id, timespec);
  return timespec[0] * 1e6 + timespec[2] / 1e3;
}

/**
 * From a clock that is never set back to the time of day, so that processes can be compared. If the
 * thread has to wait between the two readings, the difference comes out smaller: the largest of
 * several is correct.
 */
const epoch = Math.max(
  ...Array.from({ length: 10 }, () => clock(CLOCK_REALTIME) - clock(CLOCK_MONOTONIC)),
);

/** Microseconds since 1970, on a clock that is not set back. */
export function now(): number {
  return epoch + clock(CLOCK_MONOTONIC);
}

/** Follows what the calling thread does, from now on. */
export class Activity {
  #end = now(); // of the last call
  #sampled = this.#end; // when the thread's CPU time was last read,
  #cpu = clock(CLOCK_THREAD_CPUTIME_ID); // and what it was
  #switches = voluntarySwitches();

  /**
   * Must be called before each call.
   *
   * @param start When the call begins, in microseconds, as all times here.
   * @returns When a computation began that lasted until now, and its CPU time; undefined if there
   *   was none that took long.
   */
  beforeCall(start: number): { begin: number; cpu: number } | undefined {
    const begin = this.#end;
    if (start - begin <= LONG) return undefined;
    // What the thread may have used since the last sample, in between short calls, does not count.
    const rest = begin - this.#sampled;
    const before = this.#switches;
    const cpu = this.#sample(start) - rest;
    // If it never gave up its core, it computed all the time, even if others took the core away.
    const waited = this.#switches !== before;
    return waited && cpu < (start - begin) / 2 ? undefined : { begin, cpu };
  }

  /**
   * Must be called after each call.
   *
   * @returns Whether the call took long although it never waited: others had the core meanwhile.
   */
  afterCall(start: number, end: number): boolean {
    this.#end = end;
    if (end - start <= SHORT) return false;
    const before = this.#switches;
    if (end - start > LONG) this.#sample(end);
    else this.#switches = voluntarySwitches();
    return end - start > LONG && this.#switches === before;
  }

  /** Returns the CPU time since the last sample. */
  #sample(time: number): number {
    const before = this.#cpu;
    this.#sampled = time;
    this.#cpu = clock(CLOCK_THREAD_CPUTIME_ID);
    this.#switches = voluntarySwitches();
    return this.#cpu - before;
  }
}
