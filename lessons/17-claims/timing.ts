/**
 * Measures short work by CPU time, which does not count other programs' turns on the core, and
 * takes the median of several rounds.
 *
 * @module
 */

import { median } from "../16-comparison/statistics.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";

/**
 * The CPU time of this thread that `work` takes, in microseconds: the median of five rounds, after
 * one that is not counted.
 */
export function cpuTime(work: () => void): number {
  const rounds = Array.from({ length: 6 }, () => {
    const start = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    work();
    return 1000 * (clock_gettime(CLOCK_THREAD_CPUTIME_ID) - start);
  });
  return median(rounds.slice(1));
}

/** A number with one digit after the point, for tables. */
export function oneDigit(value: number, width = 0): string {
  return value.toFixed(1).padStart(width);
}
