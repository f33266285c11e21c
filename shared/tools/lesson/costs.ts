/**
 * What a run cost the server, as the report that people read.
 *
 * @module
 */

import type { Outcome } from "../../client.ts";
import { errnoName } from "../../linux/names.ts";
import type { Usage } from "../process/proc.ts";

/** How often one C function was called, and what came of it. */
export interface CallCount {
  /** The function's name, such as `recv`. */
  name: string;
  /** How often it was called. */
  calls: number;
  /** How often it failed, by the error's name. */
  failures: Map<string, number>;
}

/** What the recorder has counted so far: a row of numbers for each function. */
export type Counts = Map<string, Uint32Array>;

/** Reads a file of counts, which describes its own layout in its first line. */
export function readCounts(path: string | undefined): Counts {
  // A server that does not call libc writes none.
  if (path === undefined || !exists(path)) return new Map();
  const bytes = Deno.readFileSync(path);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(10))));
  const { names, columns, table }: { names: string[]; columns: number; table: number } = header;
  const counts = new Uint32Array(bytes.buffer, table);
  return new Map(
    names.map((name, row) => [name, counts.subarray(row * columns, (row + 1) * columns)]),
  );
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The calls that were made between two readings of the file. */
export function callsBetween(before: Counts, after: Counts): CallCount[] {
  const calls = [...after].map(([name, counts]) => {
    const made = counts.map((count, column) => count - (before.get(name)?.[column] ?? 0));
    const failures = new Map<string, number>();
    made.forEach((count, number) => {
      if (number > 0 && count > 0) failures.set(errnoName(number), count);
    });
    return { name, calls: made.reduce((a, b) => a + b), failures };
  });
  return calls.filter(({ calls }) => calls > 0).toSorted((a, b) => b.calls - a.calls);
}

/** What a whole run cost. */
export interface Costs {
  /** How the client's scenario went, if it was one. */
  outcome?: Outcome;
  /** From the start of the client to its end, in milliseconds. */
  wall: number;
  /** What the server had used when the client started. */
  before: Usage;
  /** What the server had used when the client had ended. */
  after: Usage;
  /** What the server asked of the kernel in all. */
  calls: CallCount[];
}

/** The cost report of a server, as lines of text. */
export function serverReport({ outcome, wall, before, after }: Costs): string[] {
  const cpu = after.cpu - before.cpu;
  const share = Math.round(100 * cpu / wall);
  const voluntary = after.voluntary - before.voluntary;
  const forced = after.forced - before.forced;
  return aligned([
    ...outcome === undefined ? [] : outcomeRows(outcome),
    ["wall time", seconds(wall)],
    ["CPU time", `${seconds(cpu)}, ${share} % of a core`],
    ...after.processes === 1 ? [] : [processRow(before, after)],
    ["threads", `${after.threads} (${before.threads} before the first client)`],
    [
      after.processes === 1 ? "peak memory" : "peak memory (PSS)",
      `${mebibytes(after.memory)} (${mebibytes(before.memory)} before)`,
    ],
    ["context switches", `${whole(voluntary)} voluntary, ${whole(forced)} involuntary`],
  ]);
}

function processRow(before: Usage, after: Usage): [string, string] {
  return ["processes", `${after.processes} (${before.processes} before the first client)`];
}

/** The calls of a server by name, as lines of text. */
export function callRows(calls: CallCount[]): string[] {
  return aligned(calls.map(({ name, calls, failures }) => {
    const failed = [...failures].map(([error, count]) => `${whole(count)} ${error}`).join(", ");
    return [`${name} calls`, failed === "" ? whole(calls) : `${whole(calls)} (${failed})`];
  }));
}

/** The CPU time of the recorded run, to be compared with the bare one's, as a line of text. */
export function recorderRow({ before, after }: Costs): string {
  return aligned([["CPU time, recorded", seconds(after.cpu - before.cpu)]])[0];
}

/** The costs that a picture has room for, in a line. */
export function costLine({ wall, before, after, calls }: Costs): string {
  const cpu = after.cpu - before.cpu;
  const [all, failed] = [total(calls), eagain(calls)];
  return `The server: CPU time ${seconds(cpu)}, ${Math.round(100 * cpu / wall)} % of a core, ` +
    `${whole(all)} calls${failed > 0 ? ` (${whole(failed)} EAGAIN)` : ""}`;
}

/** The costs of a program that a picture has room for, in one line. */
export function programLine(usage: Usage | undefined): string {
  return `The program: CPU time ${seconds(usage?.cpu ?? 0)}`;
}

/**
 * The cost report of a program that has ended, as lines of text.
 *
 * @param wall From its start to its end, in milliseconds.
 * @param usage What it had used when it was last seen.
 */
export function programReport(wall: number, usage: Usage | undefined): string[] {
  if (usage === undefined) return aligned([["wall time", seconds(wall)]]);
  return aligned([
    ["wall time", `${seconds(wall)}, the start of Deno included`],
    ["CPU time", seconds(usage.cpu)],
    ["peak memory", mebibytes(usage.memory)],
    [
      "context switches",
      `${whole(usage.voluntary)} voluntary, ${whole(usage.forced)} involuntary`,
    ],
  ]);
}

/** Reports side by side begin their second column at the same place. */
const WIDTH = "longest wait of a client".length + 2;

function aligned(rows: [string, string][]): string[] {
  return rows.map(([left, right]) => left.padEnd(WIDTH) + right);
}

function outcomeRows({ correct, longest }: Outcome): [string, string][] {
  return [
    ["clients served", whole(correct)],
    ["longest wait of a client", `${longest.toFixed(1)} ms`],
  ];
}

/** How many calls there were in all. */
export function total(calls: readonly CallCount[]): number {
  return sum(calls.map(({ calls }) => calls));
}

/** How many of them failed with EAGAIN, or how many of those with a `name`. */
export function eagain(calls: readonly CallCount[], name?: string): number {
  const own = calls.filter((call) => name === undefined || call.name === name);
  return sum(own.map(({ failures }) => failures.get("EAGAIN") ?? 0));
}

/** The sum of numbers; 0 of none. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** So many of something: `1 client`, `1,024 clients`. */
export function counted(number: number, what: string): string {
  return `${whole(number)} ${what}${number === 1 ? "" : "s"}`;
}

/** A whole number, as people write it: `1,024`. */
export function whole(number: number): string {
  return number.toLocaleString("en");
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
