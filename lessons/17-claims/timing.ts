/**
 * Measuring short things: by CPU time, which other programs disturb less than the wall clock, and
 * by the median of several rounds.
 *
 * @module
 */

import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";

/**
 * The CPU time of this thread that `work` takes, in microseconds: the median of five rounds, after
 * one that is not counted. What `prepare` does before each round is not measured.
 */
export function cpuTime(work: () => void, prepare: () => void = () => {}): number {
  const rounds = Array.from({ length: 6 }, () => {
    prepare();
    const start = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    work();
    return 1000 * (clock_gettime(CLOCK_THREAD_CPUTIME_ID) - start);
  });
  return rounds.slice(1).sort((a, b) => a - b)[2];
}

/** A number with one digit behind the point, for tables. */
export function oneDigit(value: number, width = 0): string {
  return value.toFixed(1).padStart(width);
}
