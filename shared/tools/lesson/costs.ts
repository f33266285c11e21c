/**
 * What a run cost the server, read from the kernel's own accounting in /proc (see proc(5)) and from
 * the counts of `trace.ts`.
 *
 * @module
 */

import type { Outcome } from "../../client.ts";
import { errnoName } from "../../linux/names.ts";

/** How often one C function was called, and what came of it. */
export interface CallCount {
  /** The function's name, such as `recv`. */
  name: string;
  /** How often it was called. */
  calls: number;
  /** How often it failed, by the error's name. */
  failures: Map<string, number>;
}

/** What a process has used so far. */
export interface Usage {
  /** CPU time of all its threads, in milliseconds, in steps of 10. */
  cpu: number;
  /** The most threads that were seen at once. */
  threads: number;
  /** The most memory that was resident, in bytes. */
  memory: number;
  /** How often a thread gave up its core because it had to wait. */
  voluntary: number;
  /** How often a thread was made to give up its core. */
  forced: number;
}

/** The CPU times in /proc are in ticks, of which Linux shows programs 100 a second everywhere. */
const TICK = 10;

/**
 * The CPU time so far of all threads of a process, and of its children that have ended, in
 * milliseconds, in steps of 10.
 */
export function cpuOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field is the program's name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return TICK * fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

/**
 * Watches a process from the outside. It looks again and again, since the kernel forgets what a
 * thread has done when the thread ends.
 */
export class Meter {
  readonly #pid: number;
  readonly #switches = new Map<string, [voluntary: number, forced: number]>();
  readonly #timer: ReturnType<typeof setInterval>;
  #threads = 0;
  #last: Usage | undefined;

  /** Begins to watch, with a look every `interval` milliseconds. */
  constructor(pid: number, interval = 50) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), interval);
    this.#look();
  }

  /**
   * What the process had used when it was last seen; undefined if it ended before anybody looked.
   */
  get last(): Usage | undefined {
    return this.#last;
  }

  /** What the process has used up to now; throws if it has ended. */
  read(): Usage {
    this.#look();
    return this.#usage();
  }

  #usage(): Usage {
    const status = Deno.readTextFileSync(`/proc/${this.#pid}/status`);
    const switches = [...this.#switches.values()];
    return {
      cpu: cpuOf(this.#pid),
      threads: this.#threads,
      // A process that has just ended can still be seen, but has no memory any more.
      memory: Math.max(fieldOf(status, "VmHWM") * 1024, this.#last?.memory ?? 0),
      voluntary: switches.reduce((sum, [voluntary]) => sum + voluntary, 0),
      forced: switches.reduce((sum, [, forced]) => sum + forced, 0),
    };
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      const tasks = [...Deno.readDirSync(`/proc/${this.#pid}/task`)].map(({ name }) => name);
      this.#threads = Math.max(this.#threads, tasks.length);
      for (const task of tasks) {
        const status = Deno.readTextFileSync(`/proc/${this.#pid}/task/${task}/status`);
        this.#switches.set(task, [
          fieldOf(status, "voluntary_ctxt_switches"),
          fieldOf(status, "nonvoluntary_ctxt_switches"),
        ]);
      }
      this.#last = this.#usage();
    } catch (error) {
      // The process, or one of its threads, ended while it was looked at.
      if (!(error instanceof Deno.errors.NotFound) && !isGone(error)) throw error;
    }
  }
}

/** Reading a file of a thread that has just ended gives ESRCH, which is no class of its own. */
function isGone(error: unknown): boolean {
  return (error as { code?: string }).code === "ESRCH" || /os error 3\)/.test(String(error));
}

function fieldOf(status: string, name: string): number {
  return Number(status.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))?.[1] ?? 0);
}

/** What `countCalls` in `trace.ts` has counted so far: a row of numbers for each function. */
export type Counts = Map<string, Uint32Array>;

/** Reads the file of `countCalls`, which tells its own layout in its first line. */
export function readCounts(path: string): Counts {
  const bytes = Deno.readFileSync(path);
  if (bytes.length === 0) return new Map(); // a server that does not call libc itself
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(10))));
  const { names, columns, table }: { names: string[]; columns: number; table: number } = header;
  const counts = new Uint32Array(bytes.buffer, table);
  return new Map(
    names.map((name, row) => [name, counts.subarray(row * columns, (row + 1) * columns)]),
  );
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
export function serverReport({ outcome, wall, before, after, calls }: Costs): string[] {
  const cpu = after.cpu - before.cpu;
  const share = Math.round(100 * cpu / wall);
  const voluntary = after.voluntary - before.voluntary;
  const forced = after.forced - before.forced;
  const rows: [string, string][] = [
    ...outcome === undefined ? [] : outcomeRows(outcome),
    ["wall time", seconds(wall)],
    ["CPU time", `${seconds(cpu)}, ${share} % of a core`],
    ["threads", `${after.threads}, of which ${before.threads} before the first client`],
    ["peak memory", `${mebibytes(after.memory)}, of which ${mebibytes(before.memory)} before`],
    ["context switches", `${whole(voluntary)} to wait, ${whole(forced)} forced`],
    ...calls.map(callRow),
  ];
  return aligned(rows);
}

/** The costs that a picture has room for, in a line. */
export function costLine({ wall, before, after, calls }: Costs): string {
  const cpu = after.cpu - before.cpu;
  const all = calls.reduce((sum, { calls }) => sum + calls, 0);
  const vain = calls.reduce((sum, { failures }) => sum + (failures.get("EAGAIN") ?? 0), 0);
  return `The server: CPU time ${seconds(cpu)}, ${Math.round(100 * cpu / wall)} % of a core, ` +
    `${whole(all)} calls${vain > 0 ? `, of which ${whole(vain)} EAGAIN` : ""}`;
}

/** The most telling costs of a program, in one line. */
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
    ["context switches", `${whole(usage.voluntary)} to wait, ${whole(usage.forced)} forced`],
  ]);
}

function aligned(rows: [string, string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => left.padEnd(width) + right);
}

function outcomeRows({ right, longest }: Outcome): [string, string][] {
  return [
    ["clients served", whole(right)],
    ["longest wait of a client", `${longest.toFixed(1)} ms`],
  ];
}

function callRow({ name, calls, failures }: CallCount): [string, string] {
  const failed = [...failures].map(([error, count]) => `${whole(count)} ${error}`);
  return [`calls of ${name}`, [whole(calls), ...failed].join(", of which ")];
}

function whole(count: number): string {
  return count.toLocaleString("en");
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
