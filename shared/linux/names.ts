/**
 * The names of error numbers. Nothing here calls libc.
 *
 * @module
 */

import { constants } from "node:os";

const names = new Map<number, string>();
// Where a number has two names, such as EAGAIN and EWOULDBLOCK, the first by the alphabet is meant.
for (const [name, number] of Object.entries(constants.errno).sort().reverse()) {
  names.set(number, name);
}

/**
 * The name of an error number.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(errnoName(11), "EAGAIN");
 * ```
 */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}
