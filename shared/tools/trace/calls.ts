/**
 * The calls of a thread into libc, one event for each, or one for a whole run of failing calls.
 *
 * @module
 */

import { errno, setErrno, systemError } from "../../linux/errno.ts";
import { threads } from "../../linux/libc.ts";
import { SIGKILL, statusText } from "../../linux/process.ts";
import { Activity, now } from "./activity.ts";
import { argumentsOf, descriptorOf, foundOf, readyOf, watchedOf } from "./arguments.ts";
import type { Hook, Recorder, TraceEvent } from "./events.ts";
import { type CFunction, ERRORS, replace, systemCalls } from "./functions.ts";
import { peerOf } from "./peer.ts";
import type { Places } from "./places.ts";
import { ringHooks } from "./ring.ts";
import { Runs } from "./runs.ts";

const { gettid } = threads; // the plain function, before a wrapper takes its place

/**
 * Records from now on what this thread asks of the kernel: puts a wrapper in the place of each
 * function.
 *
 * @param counts The table of `countCalls`, if the calls are to be counted as well.
 * @param places If the player will show them: where they are made.
 */
export function traceCalls(
  record: Recorder,
  counts?: Uint32Array<ArrayBuffer>,
  places?: Places,
): void {
  const calls = new Calls(record, counts, places);
  const hooks: Record<string, Hook> = {
    ...ringHooks(record),
    accept4: { extra: (_, fd) => ({ peer: peerOf(fd as number) }) },
    kill: {
      before([pid, signal], now) {
        if (pid === Deno.pid && signal === SIGKILL) calls.last("kill", [pid, signal], now);
      },
    },
    posix_spawn: { extra: ([pid]) => ({ pid: (pid as Int32Array)[0] }) },
    waitpid: { extra: ([, status], pid) => endOf(status as Int32Array, pid as number) },
  };
  systemCalls.forEach((name, row) =>
    replace(name, (original) => calls.wrapped(name, row * ERRORS, original, hooks[name] ?? {}))
  );
  Atomics.wait = calls.waiting(Atomics.wait);
}

/** The types of Atomics.wait, of which the compiler would choose only the last. */
type Wait = (memory: never, index: number, value: never, timeout?: number) => string;

/** What waitpid reports; nothing if no child has ended. */
function endOf([status]: Int32Array, pid: number): TraceEvent["args"] {
  return pid === 0 ? {} : { ended: statusText(status) };
}

/** The calls of one thread. A kind of call is its row in the table of counts, and its error. */
class Calls {
  readonly #record: Recorder;
  readonly #counts: Uint32Array<ArrayBuffer> | undefined;
  readonly #runs: Runs;
  readonly #activity = new Activity();
  readonly #pid = Deno.pid;
  readonly #tid = gettid();
  readonly #places: Places | undefined;

  constructor(record: Recorder, counts?: Uint32Array<ArrayBuffer>, places?: Places) {
    this.#record = record;
    this.#counts = counts;
    this.#places = places;
    this.#runs = new Runs(record, systemCalls.length * ERRORS);
  }

  /** A function that does what `original` does, and records it. */
  wrapped(name: string, row: number, original: CFunction, hook: Hook): CFunction {
    const shown = argumentsOf(name);
    const fdAt = descriptorOf(name);
    const called = name.replace("_pointer", ""); // one function of C with two prototypes here
    return (...args) => {
      const watched = this.#places && watchedOf(name, args); // before select overwrites it
      const start = now();
      this.#before(start);
      hook.before?.(args, start);
      const result = original(...args);
      const number = result === -1 ? errno() : 0;
      const end = now();
      const kind = row + number;
      if (this.#counts) Atomics.add(this.#counts, kind, 1);
      const preempted = this.#activity.afterCall(start, end);
      if (number === 0) {
        const event = this.#event(called, start, end, shown(args));
        event.args.result = typeof result === "number" ? result : addressText(result);
        Object.assign(event.args, hook.extra?.(args, result));
        const ready = readyOf(name, args, result);
        if (ready !== undefined) event.args.ready = ready;
        if (this.#places) this.#addDetails(event, watched, foundOf(name, args, result));
        if (preempted) event.args.preempted = "yes";
        this.#runs.end();
        this.#record(event);
        hook.after?.(args, result, end);
      } else {
        if (!this.#runs.repeats(kind, args[fdAt], start, end)) {
          const { message } = systemError(called, number);
          const error = message.slice(`${called}(): `.length);
          const event = this.#event(called, start, end, { ...shown(args), result: -1, error });
          this.#addDetails(event, watched);
          if (preempted) event.args.preempted = "yes";
          this.#runs.begin(kind, args[fdAt], event);
        }
        // The caller will read errno, which anything in between may have overwritten.
        setErrno(number);
      }
      return result;
    };
  }

  /**
   * Atomics.wait, which is no function of libc, so that it does not count. It sleeps in futex(2):
   * without it, a thread that waits for another would seem to be idle, or to compute.
   */
  waiting(original: typeof Atomics.wait): typeof Atomics.wait {
    const wait: Wait = (memory, index, value, timeout) => {
      const start = now();
      this.#before(start);
      const result = original(memory, index, value, timeout);
      const end = now();
      this.#activity.afterCall(start, end);
      this.#runs.end();
      this.#record(this.#event("Atomics.wait", start, end, { index, value, result }));
      return result;
    };
    return wait as typeof Atomics.wait;
  }

  /** Records a call that will never return, with a question mark for its result, as strace does. */
  last(name: string, args: unknown[], now: number): void {
    const event = this.#event(name, now, now, { ...argumentsOf(name)(args), result: "?" });
    this.#addDetails(event);
    this.#runs.end();
    this.#record(event);
  }

  /** Records what the thread has done since its last call, if it has computed. */
  #before(start: number): void {
    const computed = this.#activity.beforeCall(start);
    if (computed === undefined) return;
    this.#runs.end();
    const args = { cpu: Math.round(computed.cpu) };
    const event = this.#event("computing", computed.begin, start, args);
    this.#record({ ...event, cat: "computing" });
  }

  /** Adds what only the player shows. */
  #addDetails({ args }: TraceEvent, watched?: string, found?: string): void {
    const at = this.#places?.here();
    if (at !== undefined) args.at = at;
    if (watched !== undefined) args.watched = watched;
    if (found === undefined) return;
    delete args.ready; // it is all there
    args.found = found;
  }

  #event(name: string, start: number, end: number, args: TraceEvent["args"]): TraceEvent {
    const dur = end - start;
    return { name, cat: "call", ph: "X", pid: this.#pid, tid: this.#tid, ts: start, dur, args };
  }
}

function addressText(result: unknown): string {
  if (typeof result === "bigint") return String(result);
  return `0x${Deno.UnsafePointer.value(result as Deno.PointerValue).toString(16)}`;
}
