/**
 * A limit for what may never happen.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits for a promise, but not without a limit.
 *
 * @param time The limit, in milliseconds.
 * @param otherwise What to report after that time, as in "the server did not end".
 * @throws {Error} after that time, with that report; and whatever the promise is rejected with.
 */
export async function deadline<T>(
  promise: Promise<T>,
  time: number,
  otherwise: string,
): Promise<T> {
  const timer = new AbortController();
  const expired = sleep(time, undefined, { signal: timer.signal });
  try {
    return await Promise.race([
      promise,
      expired.then(() => assert.fail(`${otherwise} within ${time} ms`)),
    ]);
  } finally {
    timer.abort();
  }
}
