/**
 * All functions of the C library that this process has opened, and how to put something in their
 * place.
 *
 * @module
 */

import * as libc from "../../linux/libc.ts";

/** A C function. Its arguments and its result are as its prototype says. */
// deno-lint-ignore no-explicit-any -- one wrapper serves functions of every type
export type CFunction = (...args: any[]) => unknown;

type Family = Record<string, CFunction>;

// Tables of prototypes have names in capitals, and the functions of each are in an object.
const exported = Object.entries<unknown>({ ...libc });
const families = exported.filter(([name]) => /[a-z]/.test(name)).map(([, value]) =>
  value as Family
);

/** The prototypes, by the names of the functions. */
export const prototypes: Readonly<Record<string, Deno.ForeignFunction>> = Object.assign(
  {},
  ...exported.filter(([name]) => !/[a-z]/.test(name)).map(([, table]) => table),
);

// These make no system call: the first three only read memory, the fourth asks the vDSO, and the
// last is a variable.
const NO_SYSTEM_CALLS = ["__errno_location", "strerror", "getenv", "clock_gettime", "environ"];

/** The functions that make system calls, in an order that is the same in every thread. */
export const systemCalls: readonly string[] = families.flatMap((family) => Object.keys(family))
  .filter((name) => !NO_SYSTEM_CALLS.includes(name)).sort();

/** Error numbers of Linux are smaller than this. */
export const ERRORS = 134;

/** Puts a function that is made from the original in its place, in this thread, for all callers. */
export function replace(name: string, by: (original: CFunction) => CFunction): void {
  const family = families.find((family) => Object.hasOwn(family, name))!;
  family[name] = by(family[name]);
}
