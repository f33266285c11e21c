/**
 * Runs of failing calls. A server that polls makes half a million of them in a second, which would
 * be a gigabyte of events in a minute. So calls that fail in the same ways again and again become
 * one event for each way, with a count.
 *
 * @module
 */

import type { Recorder, TraceEvent } from "./events.ts";

/** Microseconds. A call that took longer, or a pause between two calls, ends a run. */
const PAUSE = 1000;
/** Microseconds after which a run is recorded although it continues. */
const LONGEST = 100_000;
/** In place of a descriptor: the calls of a run were about more than one. */
const SEVERAL = -2;

/**
 * The runs of one thread.
 *
 * A call that fails is of a kind, which is a number: its function and its error. Nothing is
 * allocated for a call that repeats one of its run.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const counts: unknown[] = [];
 * const runs = new Runs(({ args }) => counts.push(args.count), 1);
 * for (let ts = 0; ts < 3; ts++) {
 *   if (runs.repeats(0, 7, ts, ts)) continue;
 *   runs.begin(0, 7, { name: "recv", cat: "call", ph: "X", pid: 1, tid: 1, ts, dur: 0, args: {} });
 * }
 * runs.end();
 * assertEquals(counts, [3]);
 * ```
 */
export class Runs {
  readonly #record: Recorder;
  readonly #counts: Uint32Array<ArrayBuffer>; // how many calls of each kind
  readonly #fds: Int32Array<ArrayBuffer>; // which descriptor they were about
  readonly #first = new Map<number, TraceEvent>(); // the first call of each kind
  #start = 0;
  #end = 0;

  /** There is no run yet. `kinds` is how many kinds there are. */
  constructor(record: Recorder, kinds: number) {
    this.#record = record;
    this.#counts = new Uint32Array(kinds);
    this.#fds = new Int32Array(kinds);
  }

  /**
   * Counts a call if it repeats one of its run. If it does not, {@linkcode Runs.begin} must get its
   * event.
   *
   * @param start When it began, in microseconds.
   * @param end When it ended, in microseconds.
   */
  repeats(kind: number, fd: number, start: number, end: number): boolean {
    if (this.#counts[kind] === 0 || this.#isOver(start, end)) return false;
    this.#counts[kind]++;
    this.#end = end;
    if (this.#fds[kind] !== fd) this.#fds[kind] = SEVERAL;
    return true;
  }

  /** Takes the event of a call that is the first of its kind, in this run or in a new one. */
  begin(kind: number, fd: number, event: TraceEvent): void {
    const { ts, dur = 0 } = event;
    if (this.#first.size > 0 && this.#isOver(ts, ts + dur)) this.end();
    if (this.#first.size === 0) this.#start = ts;
    this.#end = ts + dur;
    this.#first.set(kind, event);
    this.#fds[kind] = fd;
    this.#counts[kind] = 1;
  }

  /** Records the run, if there is one. A run of a single call is that call. */
  end(): void {
    for (const [kind, event] of this.#first) {
      const count = this.#counts[kind];
      this.#counts[kind] = 0;
      if (count > 1 || this.#first.size > 1) {
        event.ts = this.#start;
        event.dur = this.#end - this.#start;
        event.args.count = count;
        if (this.#fds[kind] === SEVERAL) event.args.fd = "several";
      }
      this.#record(event);
    }
    this.#first.clear();
  }

  /** Whether a call is not part of the run: there was a pause, or the run is long enough. */
  #isOver(start: number, end: number): boolean {
    return start - this.#end > PAUSE || end - start > PAUSE || end - this.#start > LONGEST;
  }
}
