/**
 * The cores on which a thread may run: sched_getaffinity(2) and sched_setaffinity(2).
 *
 * @module
 */

import { orErrno, orThrow } from "./errno.ts";
import { threads as libc } from "./libc.ts";

/**
 * Keeps this thread on one core, the first that it may use, together with all threads and processes
 * that it starts from now on. See sched_setaffinity(2).
 */
export function stayOnOneCore(): void {
  const set = new Uint8Array(128); // a cpu_set_t: one bit for each core
  orThrow("sched_getaffinity", orErrno(libc.sched_getaffinity(0, set.length, set)));
  const first = set.findIndex((byte) => byte !== 0);
  const lowest = set[first] & -set[first]; // only its lowest bit
  orThrow(
    "sched_setaffinity",
    orErrno(libc.sched_setaffinity(0, set.length, set.fill(0).with(first, lowest))),
  );
}
