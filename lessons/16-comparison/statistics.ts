/**
 * The arithmetic of the measurements.
 *
 * @module
 */

/**
 * The smallest of the values that at least `percent` of 100 of them do not exceed, which is always
 * one of them; NaN if there are none.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(percentile([4, 1, 3, 2], 50), 2);
 * assertEquals(percentile([4, 1, 3, 2], 99), 4);
 * ```
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort();
  // Rounding errors of the product must not lead to the next value: 99.9 % of 1,000 are 999.
  const rank = Math.ceil(Number((percent / 100 * sorted.length).toFixed(6)));
  return sorted[Math.max(rank, 1) - 1] ?? NaN;
}

/** The value in the middle; of an even number of values, the lower of the two. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** How far the value that differs most from the median lies from it, as a share of the median. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  if (middle === 0) return 0;
  return Math.max(...values.map((value) => Math.abs(value - middle))) / middle;
}
