/**
 * What scripts need that start threads, as Workers.
 *
 * @module
 */

import { getrlimit, RLIMIT_NOFILE } from "./linux/descriptors.ts";

/** How many Workers, `wanted` at most, there are descriptors for: each one's engine needs six. */
export function mostThreads(wanted: number): number {
  const { soft } = getrlimit(RLIMIT_NOFILE);
  return Math.max(1, Math.min(wanted, Math.floor((soft - 40) / 8)));
}
