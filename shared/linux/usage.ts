/**
 * What a thread has used: getrusage(2).
 *
 * @module
 */

/** getrusage(2): of the calling thread alone. */
export const RUSAGE_THREAD = 1;
/** `sizeof(struct rusage)`. */
export const RUSAGE_SIZE = 144;
/** Where the fields of `struct rusage` are: here, how often a thread gave up its core to wait. */
export const RUSAGE = { nvcsw: 128 };
