/**
 * What scripts need that start threads, as Workers.
 *
 * @module
 */

import { getrlimit, RLIMIT_NOFILE } from "./linux/descriptors.ts";

/**
 * How many Workers this process has descriptors for, `wanted` at most: each has an engine of its
 * own, whose event loop needs six.
 */
export function mostThreads(wanted: number): number {
  const { soft } = getrlimit(RLIMIT_NOFILE);
  return Math.max(1, Math.min(wanted, Math.floor((soft - 40) / 8)));
}
