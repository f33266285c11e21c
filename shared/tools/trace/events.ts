/**
 * What a trace consists of, and its two notations: text like strace's, and Chrome's Trace Event
 * Format, which Perfetto (ui.perfetto.dev) and `chrome://tracing` open. Nothing here calls libc.
 *
 * @module
 */

import { RECORDER_FAILED } from "./settings.ts";

/** An event, in the fields of the Trace Event Format. */
export interface TraceEvent {
  /** What happened: the name of a call, for example. */
  name: string;
  /** What kind of thing that was, such as `call`. */
  cat: string;
  /**
   * `X` has a beginning and a duration, `i` is an instant; `b` and `e` begin and end something that
   * is no thread's own, `n` is an instant of it; `M` is no event, but a name.
   */
  ph: "X" | "i" | "b" | "n" | "e" | "M";
  /** The process. */
  pid: number;
  /** The thread; each client of a client script counts as one. */
  tid: number;
  /** When it happened or began, in microseconds since 1970. */
  ts: number;
  /** How long it took, in microseconds; of `X` alone. */
  dur?: number;
  /** Which `b`, `n` and `e` of a category belong together. */
  id?: string;
  /** Whom an instant concerns; of `i` alone: its thread. */
  s?: "t";
  /** Arguments, the result behind them, and what is to be said about it. */
  args: Record<string, number | string>;
}

/** Takes an event into a trace. */
export type Recorder = (event: TraceEvent) => void;

/** What else is recorded of a call, before it and after it. */
export interface Hook {
  /** Looks at the arguments; gets the time as well. */
  before?(args: unknown[], now: number): void;
  /** What is shown behind the result. */
  extra?(args: unknown[], result: unknown): TraceEvent["args"];
  /** Looks at the result, after the call has been recorded. */
  after?(args: unknown[], result: unknown, now: number): void;
}

/**
 * The first line of a file, which says whose events follow. The format allows an array that is
 * never closed, so the file can be read whenever the process is ended.
 */
export function jsonHeader(process: string): string {
  return `[${JSON.stringify(nameEvent("process_name", 0, process))}\n`;
}

/** An event as a further line. The comma comes first, so that none is left over at the end. */
export function jsonLine(event: TraceEvent): string {
  return `,${JSON.stringify(event)}\n`;
}

/**
 * Reports in one line that a record cannot be written, and ends the script, whose record would
 * otherwise lack its end without a word. Any error that is not the system's is a bug, and is thrown
 * again.
 */
export function endRecording(error: unknown): never {
  reportFailure(error);
  Deno.exit(1);
}

/** The same for a thread, which cannot end the process: it goes on, and is recorded no more. */
export function reportFailure(error: unknown): void {
  if (!(error instanceof Error && "code" in error)) throw error;
  console.error(RECORDER_FAILED + error.message);
}

/** What gives a thread, or the whole process, its name. */
export function nameEvent(
  name: "thread_name" | "process_name",
  tid: number,
  value: string,
): TraceEvent {
  return { name, cat: "name", ph: "M", pid: Deno.pid, tid, ts: 0, args: { name: value } };
}

/**
 * An event as strace would write it: seconds since the beginning, the call, and in angle brackets
 * how many seconds it took. What is no call stands between dashes.
 *
 * @param since The beginning, in microseconds since 1970.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const args = { fd: 7, length: 65536, result: 5 };
 * const call = { name: "recv", cat: "call", ph: "X", pid: 1, tid: 1, ts: 1500, dur: 8 } as const;
 * assertEquals(textLine({ ...call, args }, 1000), "0.000500 recv(7, 65536) = 5 <0.000008>\n");
 * ```
 */
export function textLine(event: TraceEvent, since: number): string {
  const { dur } = event;
  const what = event.cat === "call" ? callText(event) : `--- ${otherText(event)} ---`;
  const took = dur === undefined ? "" : ` <${seconds(dur)}>`;
  return `${seconds(event.ts - since)} ${what}${took}\n`;
}

function callText({ name, args: { error, count, ...rest } }: TraceEvent): string {
  const entries = Object.entries(rest);
  const at = entries.findIndex(([key]) => key === "result");
  const given = entries.slice(0, at).map(([, value]) => value);
  const extra = entries.slice(at + 1).map(([key, value]) => `, ${key} ${value}`).join("");
  const failure = error === undefined ? "" : ` ${error}`;
  const times = count === undefined ? "" : `, ${count.toLocaleString("en")} times`;
  return `${name}(${given.join(", ")}) = ${rest.result}${failure}${times}${extra}`;
}

const PHASES = { X: "", i: "", b: " begins", n: " goes on", e: " ends", M: "" };

function otherText({ cat, ph, id, tid, name, args }: TraceEvent): string {
  const who = cat === "client" ? `client ${tid}: ` : id === undefined ? "" : `${cat} ${id}: `;
  const rest = Object.entries(args).map(([key, value]) => ` ${key}=${value}`).join("");
  return `${who}${name}${PHASES[ph]}${rest}`;
}

function seconds(microseconds: number): string {
  return (microseconds / 1e6).toFixed(6);
}

const encoder = new TextEncoder();

/** Writes text to stderr, which needs no permission. Each line begins with `prefix`. */
export function recordOnStderr(since: number, prefix = ""): Recorder {
  return (event) => {
    if (event.ph === "M") return;
    let bytes = encoder.encode(prefix + textLine(event, since));
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
  };
}
