/**
 * The time of day, without libc and as precise as the recorder's own clock: what clients do is
 * compared with what a server does, in another process.
 *
 * @module
 */

/**
 * From a clock that is never set back to the time of day. `performance.timeOrigin` would be late by
 * whatever the process had to wait between two readings when it began. Here, too, it may have to
 * wait, but then the difference comes out smaller: the largest of several is correct.
 */
const epoch = Math.max(
  ...Array.from(
    { length: 10 },
    () => Number(Temporal.Now.instant().epochNanoseconds) / 1000 - 1000 * performance.now(),
  ),
);

/** Microseconds since 1970, on a clock that is not set back. */
export function now(): number {
  return epoch + 1000 * performance.now();
}
