/**
 * The arithmetic of the measurements.
 *
 * @module
 */

/**
 * The smallest of the values that is greater than or equal to at least `percent` of 100 of them.
 * NaN if there are no values.
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
  // A rounding error of the product must not select the next value: 99.9 % of 1,000 are 999.
  const rank = Math.ceil(Number((percent / 100 * sorted.length).toFixed(6)));
  return sorted[Math.max(rank, 1) - 1] ?? NaN;
}

/** The value in the middle; of an even number of values, the lower of the two. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The distance from the median of the value that differs most, as a share of the median. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  if (middle === 0) return 0;
  return Math.max(...values.map((value) => Math.abs(value - middle))) / middle;
}
