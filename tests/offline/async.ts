/**
 * What the tests use of `@std/async`.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";

/** Resolves after `ms` milliseconds. */
export async function delay(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
  options.signal?.throwIfAborted();
  try {
    await sleep(ms, undefined, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
}

/** Settles as the promise does, or rejects with a TimeoutError after `ms` milliseconds. */
export async function deadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(ms, timer).then(() => {
        throw new DOMException("Signal timed out.", "TimeoutError");
      }),
    ]);
  } finally {
    timer.abort();
  }
}

/** The error of {@linkcode retry}, with the last reason as its cause. */
export class RetryError extends Error {
  /** The name of the class. */
  override name = "RetryError";
}

/** How often {@linkcode retry} tries, and how long it pauses, in milliseconds. */
export interface RetryOptions {
  /** 5 unless given. */
  maxAttempts?: number;
  /** The first pause; 1,000 unless given. */
  minTimeout?: number;
  /** The longest pause; 60,000 unless given. */
  maxTimeout?: number;
  /** By what each pause is longer than the one before; 2 unless given. */
  multiplier?: number;
  /** How much of a pause is random, from 0 to 1; 1 unless given. */
  jitter?: number;
}

/** Calls a function until it does not fail, with growing pauses. */
export async function retry<T>(
  fn: () => T | Promise<T>,
  { maxAttempts = 5, minTimeout = 1000, maxTimeout = 60_000, multiplier = 2, jitter = 1 }:
    RetryOptions = {},
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await fn();
    } catch (cause) {
      if (attempt >= maxAttempts) {
        throw new RetryError(`Retrying exceeded the maxAttempts (${maxAttempts}).`, { cause });
      }
      const pause = Math.min(maxTimeout, minTimeout * multiplier ** (attempt - 1));
      await sleep(pause * (1 - jitter * Math.random()));
    }
  }
}
