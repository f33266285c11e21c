/**
 * The names of error numbers. Nothing here calls libc.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(errnoName(11), "EAGAIN");
 * ```
 *
 * @module
 */

import { constants } from "node:os";

/** The name of an error number. Of two, as EAGAIN and EWOULDBLOCK, the first by the alphabet. */
export function errnoName(number: number): string {
  const found = Object.entries(constants.errno).find(([, value]) => value === number);
  return found?.[0] ?? `errno ${number}`;
}
