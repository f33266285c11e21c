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

/** The name of an error number: `EAGAIN` for 11. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}
