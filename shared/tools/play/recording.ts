/**
 * A recorded run of a lesson as the page gets it: one object that JSON can hold, with its events
 * packed, since there may be 100,000 of them.
 *
 * @module
 */

import type { TraceEvent } from "../trace/events.ts";

/** A recorded run. */
export interface Recording {
  /** What was run, such as `06` or `06/edge-triggered`. */
  lesson: string;
  /** Its number and its name. */
  title: string;
  /** Its idea, in a few words. */
  idea: string;
  /** The options of its client. */
  args: string[];
  /** The scripts in which calls were made; that of the server, or the program, is the first. */
  sources: Source[];
  /** The places that events refer to as `at`: a script, and a line in it. */
  places: [source: number, line: number][];
  /** The names of threads and clients, by process and thread. */
  names: Record<string, string>;
  /** When the first client began, in microseconds since 1970. */
  began: number;
  /** What happened, in the order of the beginnings, in microseconds from the first client on. */
  events: Packed;
  /** What a run that nothing watched has cost. */
  costs: [what: string, value: string][];
  /** What was printed. */
  output: string[];
  /** Why the recording ends before the run; undefined if it does not. */
  cut?: string;
}

/** A script. */
export interface Source {
  /** Its path from the root of the project. */
  path: string;
  /** Its text. */
  text: string;
}

/** Events of few shapes: what they have in common is held once, and the rest is numbers. */
export interface Packed {
  /** What the events of a shape have in common. */
  shapes: Shape[];
  /** All ids, and all texts in arguments, each once. */
  texts: string[];
  /**
   * Of one event after another: its shape, its thread, how long after the one before it began, its
   * duration or id, and its arguments. Times are in tenths of a microsecond. This is one list: with
   * one for each event, it took twice as long to read.
   */
  numbers: number[];
}

/** What events have in common: all but the threads, the times and the values. */
export type Shape =
  & Pick<TraceEvent, "name" | "cat" | "ph" | "pid">
  & { keys: [key: string, isText: boolean][] };

/** Packs events. Their times are rounded to a tenth of a microsecond. */
export function pack(events: readonly TraceEvent[]): Packed {
  const packed: Packed = { shapes: [], texts: [], numbers: [] };
  const [shapes, texts] = [new Map<string, number>(), new Map<string, number>()];
  const textOf = (text: string) => numberOf(texts, text, () => packed.texts.push(text));
  let last = 0;
  for (const { name, cat, ph, pid, tid, ts, dur, id, args } of events) {
    const keys = Object.entries(args).map(([key, value]) =>
      [key, typeof value === "string"] as [string, boolean]
    );
    const shape = { name, cat, ph, pid, keys };
    const at = numberOf(shapes, JSON.stringify(shape), () => packed.shapes.push(shape));
    packed.numbers.push(at, tid, tenths(ts) - last);
    last = tenths(ts);
    if (ph === "X") packed.numbers.push(tenths(dur ?? 0));
    else if (id !== undefined) packed.numbers.push(textOf(id));
    for (const value of Object.values(args)) {
      packed.numbers.push(typeof value === "number" ? value : textOf(value));
    }
  }
  return packed;
}

/** The events again. */
export function unpack({ shapes, texts, numbers }: Packed): TraceEvent[] {
  const events: TraceEvent[] = [];
  let time = 0;
  for (let next = 0; next < numbers.length;) {
    const { name, cat, ph, pid, keys } = shapes[numbers[next++]];
    const tid = numbers[next++];
    time += numbers[next++];
    const args: TraceEvent["args"] = {};
    const event: TraceEvent = { name, cat, ph, pid, tid, ts: time / 10, args };
    if (ph === "X") event.dur = numbers[next++] / 10;
    else if (ph === "i") event.s = "t";
    else event.id = texts[numbers[next++]];
    for (let i = 0; i < keys.length; i++) {
      const value = numbers[next++];
      args[keys[i][0]] = keys[i][1] ? texts[value] : value;
    }
    events.push(event);
  }
  return events;
}

function numberOf(numbers: Map<string, number>, key: string, add: () => void): number {
  const known = numbers.get(key);
  if (known !== undefined) return known;
  add();
  numbers.set(key, numbers.size);
  return numbers.size - 1;
}

function tenths(time: number): number {
  return Math.round(10 * time);
}
