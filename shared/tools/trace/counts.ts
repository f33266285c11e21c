/**
 * Counts system calls by name and result, in a file that is mapped into memory: anybody can read
 * the counts there at any time, also after the process was killed. The threads of a process add to
 * the same counts.
 *
 * @module
 */

import { errno, setErrno } from "../../linux/errno.ts";
import { mapFile } from "../../linux/memory.ts";
import { type CFunction, ERRORS, replace, systemCalls } from "./functions.ts";

const HEADER_SIZE = 4096;
const COLUMNS = ERRORS; // 0 for success, then the error numbers of Linux

/**
 * The table of counts in the file `path`: a row for each function, in which column 0 counts its
 * successes and column N its failures with error number N. A count has 32 bits, which is enough for
 * an hour of a million calls a second.
 *
 * The file begins with a line of JSON, so that it can be read without this module: the names of the
 * functions, how many columns the table has, and the byte at which it begins.
 */
export function openCounts(path: string): Uint32Array<ArrayBuffer> {
  const file = mapFile(path, HEADER_SIZE + 4 * COLUMNS * systemCalls.length);
  const header = JSON.stringify({ names: systemCalls, columns: COLUMNS, table: HEADER_SIZE });
  new TextEncoder().encodeInto(`${header}\n`, new Uint8Array(file, 0, HEADER_SIZE));
  return new Uint32Array(file, HEADER_SIZE);
}

/** Counts this thread's calls from now on: puts a wrapper in the place of each function. */
export function countCalls(counts: Uint32Array<ArrayBuffer>): void {
  systemCalls.forEach((name, row) =>
    replace(name, (original) => counted(original, counts, row * COLUMNS))
  );
}

function counted(original: CFunction, table: Uint32Array<ArrayBuffer>, row: number): CFunction {
  return (...args) => {
    const result = original(...args);
    const number = result === -1 ? errno() : 0;
    Atomics.add(table, row + number, 1);
    // The caller will read errno, which anything in between may have overwritten.
    if (number !== 0) setErrno(number);
    return result;
  };
}
