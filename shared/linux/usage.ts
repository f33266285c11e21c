/**
 * What a thread has used: getrusage(2).
 *
 * @module
 */

import { threads } from "./libc.ts";

/** getrusage(2): of the calling thread alone. */
export const RUSAGE_THREAD = 1;
/** `sizeof(struct rusage)`. */
export const RUSAGE_SIZE = 144;
/** Where the fields of `struct rusage` are: here, how often a thread gave up its core to wait. */
export const RUSAGE = { nvcsw: 128 };

const { getrusage } = threads;
const usage = new Uint32Array(RUSAGE_SIZE / 4);

/** How often the calling thread has given up its core because it had to wait, see getrusage(2). */
export function voluntarySwitches(): number {
  getrusage(RUSAGE_THREAD, usage);
  return usage[RUSAGE.nvcsw / 4];
}
