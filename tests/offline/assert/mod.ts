/**
 * What the tests use of `@std/assert`, over Deno's own `node:assert`.
 *
 * @module
 */

import assertion from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

/** The error of a failed assertion. */
export const AssertionError = assertion.AssertionError;

// deno-lint-ignore no-explicit-any -- the constructors of errors take whatever they like
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `value` is true, or counts as true. */
export function assert(value: unknown, message = ""): asserts value {
  assertion(value, message);
}

/** Fails. */
export function fail(message?: string): never {
  assertion.fail(message);
}

/** Fails unless both are equal, member by member. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  // What differs for `equal` differs for Node as well, which then words the message.
  if (!equal(actual, expected)) assertion.deepEqual(actual, expected, message);
}

/** Unlike Node, `@std` takes 0 for -0, and `{}` for an object without a prototype. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b || isDeepStrictEqual(a, b)) return true;
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size &&
      [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)));
  }
  if (!hasMembers(a) || !hasMembers(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Reflect.ownKeys(a);
  return keys.length === Reflect.ownKeys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

/** Whether it is an array or a plain object, and so is the sum of its members. */
function hasMembers(value: unknown): value is Record<PropertyKey, unknown> {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

/** Fails unless both are the same. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  assertion.equal(actual, expected, message);
}

/** Fails unless `actual` is more than `expected`. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  assertion(actual > expected, message ?? `Expect ${actual} > ${expected}`);
}

/** Fails unless `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  assertion(actual < expected, message ?? `Expect ${actual} < ${expected}`);
}

/** Fails unless the text has the other in it. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assertion(actual.includes(expected), message ?? `"${actual}" does not have "${expected}" in it`);
}

/** Fails unless the text matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assertion.match(actual, expected, message);
}

/** Fails unless the value is an instance of the class. */
// deno-lint-ignore no-explicit-any
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  message = "",
): asserts actual is InstanceType<T> {
  assertion(actual instanceof expectedType, message || `it is no ${expectedType.name}`);
}

/** Fails unless the function throws such an error, which it returns. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes = "",
): E {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
  }
  return expected(thrown, errorClass, messageIncludes, "thrown");
}

/** Fails unless the promise is rejected with such an error, with which it resolves. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  messageIncludes = "",
): Promise<E> {
  let thrown: unknown;
  try {
    await fn();
  } catch (error) {
    thrown = error;
  }
  return expected(thrown, errorClass, messageIncludes, "rejected");
}

function expected<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
  what: string,
): E {
  assertion(error !== undefined, `Expected an error to be ${what}`);
  if (!(error instanceof errorClass)) assertion.fail(`Expected ${errorClass.name}, got ${error}`);
  assertStringIncludes(error.message, messageIncludes);
  return error;
}
