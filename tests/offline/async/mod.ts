/**
 * What the tests use of `@std/async`.
 *
 * @module
 */

/** Resolves after `ms` milliseconds, of FakeTime if there is one, or rejects with the signal. */
export async function delay(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal?.reason);
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", abort);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Settles as the promise does, or rejects: with a TimeoutError after `ms`, or with the signal. */
export async function deadline<T>(
  promise: Promise<T>,
  ms: number,
  options: { signal?: AbortSignal } = {},
): Promise<T> {
  const timer = new AbortController();
  const signal = AbortSignal.any([timer.signal, ...options.signal ? [options.signal] : []]);
  try {
    return await Promise.race([
      promise,
      delay(ms, { signal }).then(() => {
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
      await delay(pause * (1 - jitter * Math.random()));
    }
  }
}
