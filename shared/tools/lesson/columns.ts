/**
 * How a timeline is drawn: lanes in columns of the same time, the legend, the axis.
 *
 * @module
 */

import type { Lane, Segment, State } from "./lanes.ts";
import type { Timeline } from "./timeline.ts";

/** What is drawn in a column. */
export interface Column {
  /** What was done in most of the time, if it was not work. */
  background?: State;
  /** What is drawn in front of it, however short it was. */
  mark?: State;
  /** How much of the time was work, from 1 to 8 eighths; less is drawn as 1. */
  level: number;
}

const BACKGROUNDS: readonly State[] = ["queued", "waiting", "polling", "kernel", "idle"];
const MARKS: readonly State[] = ["completed", "submitted", "copying", "polling", "computing"];
const NO_TIME = 1e-9; // of a moment, in milliseconds: enough to be drawn

/** A lane in so many columns of the same time. */
export function columnsOf(lane: Lane, length: number, count: number): Column[] {
  const width = Math.max(length, NO_TIME) / count;
  const times = Array.from({ length: count }, () => new Map<State, number>());
  for (const { state, start, end } of lane.segments) {
    const last = Math.min(count - 1, Math.floor(end / width));
    for (let i = Math.min(last, Math.floor(start / width)); i <= last; i++) {
      const time = Math.min(end, (i + 1) * width) - Math.max(start, i * width);
      times[i].set(state, (times[i].get(state) ?? 0) + Math.max(time, NO_TIME));
    }
  }
  return times.map((spent) => columnOf(spent, width));
}

function columnOf(spent: Map<State, number>, width: number): Column {
  const time = (state: State) => spent.get(state) ?? 0;
  const background = BACKGROUNDS.filter(time).toSorted((a, b) => time(b) - time(a))[0];
  const mark = MARKS.find((state) => spent.has(state) && state !== background);
  const work = mark === "polling" ? time(mark) : time("copying") + time("computing");
  return { background, mark, level: Math.min(8, Math.max(1, Math.ceil(8 * work / width))) };
}

/** The states that are drawn somewhere, in the order of the legend. */
export function statesIn(timeline: Timeline): State[] {
  const seen = new Set(timeline.lanes.flatMap((lane) => lane.segments.map(({ state }) => state)));
  return (Object.keys(MEANINGS) as State[]).filter((state) => seen.has(state));
}

/** What the states mean, for the legend. */
export const MEANINGS: Readonly<Record<State, string>> = {
  queued: "connected, but not accepted yet",
  waiting: "waits",
  polling: "polls (EAGAIN)",
  copying: "receives or sends",
  computing: "other work",
  kernel: "the kernel has it",
  submitted: "handed over",
  completed: "completed",
  idle: "idle",
};

/** The waits of a thread that are long enough for their call's name to be written on them. */
export function labelsOf(lane: Lane, least: number): Segment[] {
  if (lane.kind !== "thread") return [];
  return lane.segments.filter(({ state, start, end, call }) =>
    state === "waiting" && call !== undefined && end - start >= least
  );
}

/** Marks on the axis, in milliseconds: round numbers, `most` of them at the most. */
export function ticksOf(length: number, most: number): number[] {
  const least = length / most;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least)!;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step);
}
