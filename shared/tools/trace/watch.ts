/**
 * What a program asks of the kernel. Each function of `libc` can be wrapped, as strace does it from
 * the outside; as long as none is, nothing of this costs anything.
 *
 * There are two kinds of wrappers. One counts the calls by name and result, in a file that is
 * mapped into memory: the counts can be read there at any time, by anybody, also after the process
 * was killed. The other tells of each call, as text or in a file that Perfetto opens. The threads
 * of a process add to the same counts, and to the same file.
 *
 * @module
 */

import { errno, setErrno } from "../../linux/errno.ts";
import { type Libc, libc } from "../../linux/libc.ts";
import { mapFile } from "../../linux/memory.ts";
import { ERRORS, now, systemCalls, traceCalls } from "./calls.ts";
import { traceCoroutines } from "./coroutines.ts";
import { jsonHeader, jsonLine, nameEvent, recordOnStderr, STDERR } from "./events.ts";
import type { Recorder } from "./events.ts";
import { Log } from "./log.ts";

const { gettid } = libc;

/** How a script is watched. A thread gets it from the one that starts it. */
export interface Watch {
  /** The file that system calls are counted in, or an empty text. */
  countCalls: string;
  /** The file that they are told in, `-` for stderr, or an empty text. */
  trace: string;
  /** When the program began, in microseconds since 1970; set by the main thread's `watch`. */
  since?: number;
}

/**
 * Watches from now on what this thread asks of the kernel. Every thread calls this for itself.
 *
 * @param thread What the thread is called in the trace; only the main thread has no name.
 * @returns What further threads are to be given.
 */
export function watch({ countCalls: path, trace, since = now() }: Watch, thread = ""): Watch {
  const counts = path ? openCounts(path) : undefined;
  if (trace) {
    const record = trace === STDERR
      ? recordOnStderr(since, thread && `[${thread}] `)
      : recordInFile(trace, thread);
    traceCalls(record, counts);
    traceCoroutines(record);
  } else if (counts) countCalls(counts);
  return { countCalls: path, trace, since };
}

function recordInFile(path: string, thread: string): Recorder {
  const log = new Log(path, thread === "");
  if (thread === "") log.write(jsonHeader("server"));
  log.write(jsonLine(nameEvent("thread_name", gettid(), thread || "server")));
  return (event) => log.write(jsonLine(event));
}

const HEADER_SIZE = 4096;
const COLUMNS = ERRORS; // 0 for success, then the error numbers of Linux

/**
 * The table of counts in the file `path`: a row for each function, in which column 0 counts its
 * successes, column N its failures with error number N. A count has 32 bits, which is enough for an
 * hour of a million calls a second.
 *
 * The file begins with a line of JSON, so that it can be read without this module: the names of the
 * functions, how many columns the table has, and the byte at which it begins.
 */
function openCounts(path: string): Uint32Array<ArrayBuffer> {
  const file = mapFile(path, HEADER_SIZE + 4 * COLUMNS * systemCalls.length);
  const header = JSON.stringify({ names: systemCalls, columns: COLUMNS, table: HEADER_SIZE });
  new TextEncoder().encodeInto(`${header}\n`, new Uint8Array(file, 0, HEADER_SIZE));
  return new Uint32Array(file, HEADER_SIZE);
}

function countCalls(counts: Uint32Array<ArrayBuffer>) {
  systemCalls.forEach((name, row) => count(name, counts, row * COLUMNS));
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
