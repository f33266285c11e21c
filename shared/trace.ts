/**
 * What a program asks of the kernel. Each function of `libc` can be wrapped, as strace does it from
 * the outside; as long as none is, nothing of this costs anything.
 *
 * So far there is one wrapper: it counts the calls by name and result, in a file that is mapped
 * into memory. The counts can be read there at any time, by anybody, also after the process was
 * killed; and the threads of a process add to the same counts.
 *
 * @module
 */

import { errno, setErrno } from "./linux/errno.ts";
import { type Libc, libc, PROTOTYPES } from "./linux/libc.ts";
import { mapFile } from "./linux/memory.ts";

const HEADER_SIZE = 4096;
const COLUMNS = 134; // 0 for success, then the error numbers of Linux
// These three make no system call: the first two only read memory, and the third asks the vDSO.
const NOT_COUNTED = ["__errno_location", "strerror", "clock_gettime"];

/**
 * Counts from now on every call in the file `path`. Each thread calls this for itself, with the
 * same path. A count has 32 bits, which is enough for an hour of a million calls a second.
 *
 * The file begins with a line of JSON, so that it can be read without this module: the names of the
 * functions, how many columns the table has, and the byte at which it begins. The table has a row
 * for each function; column 0 counts its successes, column N its failures with error number N.
 */
export function countCalls(path: string): void {
  // In the order of the prototypes: that of what dlopen returns differs from thread to thread.
  const names = (Object.keys(PROTOTYPES) as (keyof Libc)[])
    .filter((name) => !NOT_COUNTED.includes(name));
  const file = mapFile(path, HEADER_SIZE + 4 * COLUMNS * names.length);
  const header = JSON.stringify({ names, columns: COLUMNS, table: HEADER_SIZE });
  new TextEncoder().encodeInto(`${header}\n`, new Uint8Array(file, 0, HEADER_SIZE));
  const table = new Uint32Array(file, HEADER_SIZE);
  names.forEach((name, row) => count(name, table, row * COLUMNS));
}

function count(name: keyof Libc, table: Uint32Array<ArrayBuffer>, row: number): void {
  // deno-lint-ignore no-explicit-any -- one wrapper serves functions of every type
  const functions = libc as Record<string, (...args: any[]) => unknown>;
  const original = functions[name];
  functions[name] = (...args) => {
    const result = original(...args);
    const number = result === -1 ? errno() : 0;
    Atomics.add(table, row + number, 1);
    // The caller will read errno, and must not see what came of anything in between.
    if (number !== 0) setErrno(number);
    return result;
  };
}
