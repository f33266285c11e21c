/**
 * When a run did what: traces, read into a lane for each thread of the server and each client.
 * Nothing is in it that was not recorded.
 *
 * @module
 */

import type { TraceEvent } from "../trace/events.ts";
import { eventsIn } from "../trace/read.ts";
import { type Lane, lanesOf, rankOf, type Segment, type State, threadOf } from "./lanes.ts";

/** Why there is no timeline. */
export interface NoTimeline {
  /** What follows "no picture: ". */
  reason: string;
}

/** Lanes below each other. */
export interface Timeline {
  /** What has been run. */
  title: string;
  /** What it cost, in a line. */
  costs: string;
  /** How long it took, in milliseconds. */
  length: number;
  /** Those that are drawn. */
  lanes: Lane[];
  /** How many others there are, in words. */
  more: string[];
}

/** So many lanes of a kind are drawn at the most. */
const MOST = 8;
/** So many events are read at the most: they and the lanes take 800 MiB. */
const MOST_EVENTS = 1_000_000;

/**
 * Reads what was recorded in files. The timeline begins with the first client, and ends with the
 * last event.
 *
 * @returns undefined if nothing was recorded.
 */
export function readTimeline(
  title: string,
  costs: string,
  paths: string[],
): Timeline | NoTimeline | undefined {
  const events: TraceEvent[] = [];
  try {
    for (const path of paths) {
      for (const event of eventsIn(path)) {
        if (events.push(event) > MOST_EVENTS) {
          return { reason: `more than ${MOST_EVENTS.toLocaleString("en")} events were recorded` };
        }
      }
    }
  } catch (error) {
    return { reason: (error as Error).message };
  }
  return timelineOf(title, costs, events);
}

/** The timeline of events, in whatever order they are. */
export function timelineOf(
  title: string,
  costs: string,
  events: TraceEvent[],
): Timeline | undefined {
  const recorded = events.filter(({ ph }) => ph !== "M").sort((a, b) => a.ts - b.ts);
  const clients = recorded.filter(({ cat }) => cat === "client");
  const begin = (clients[0] ?? recorded[0])?.ts;
  if (begin === undefined) return undefined;
  const end = recorded.reduce((end, { ts, dur = 0 }) => Math.max(end, ts + dur), begin);

  const names = new Map(
    events.filter(({ name }) => name === "thread_name")
      .map((event) => [threadOf(event), String(event.args.name)]),
  );
  const lanes = lanesOf(recorded, names, end)
    .map((lane) => ({ ...lane, segments: within(lane.segments, begin, end) }))
    .filter(({ segments }) => segments.length > 0);
  lanes.sort((a, b) =>
    beginOf(a) - beginOf(b) || rankOf(a) - rankOf(b) || collator.compare(a.name, b.name)
  );
  const kinds = ["thread", "operation", "coroutine", "client"] as const;
  const byKind = kinds.map((kind) => withoutQuiet(lanes.filter((lane) => lane.kind === kind)));
  const shown = byKind.map(({ lanes, quiet }) => shownOf(lanes, quiet));
  return {
    title,
    costs,
    length: (end - begin) / 1000,
    lanes: shown.flat(),
    more: byKind.flatMap(({ lanes, quiet }, i) => {
      const hidden = lanes.length + quiet.length - shown[i].length;
      return hidden === 0 ? [] : [`${hidden.toLocaleString("en")} more ${kinds[i]}s`];
    }),
  };
}

/** Coroutines are sorted by what happens, the first to begin first; all others by their names. */
function beginOf({ kind, segments }: Lane): number {
  return kind === "coroutine" ? segments[0].start : 0;
}

/**
 * Splits lanes into those with a life of their own, and a single one, with a number for its name,
 * for all clients that do as little as the quietest one while fewer others are busy.
 */
function withoutQuiet(lanes: Lane[]): { lanes: Lane[]; quiet: Lane[] } {
  if (lanes.length <= MOST + 1 || lanes[0].kind !== "client") return { lanes, quiet: [] };
  const least = Math.min(...lanes.map(transfers));
  const quiet = lanes.filter((lane) => transfers(lane) === least);
  const busy = lanes.filter((lane) => transfers(lane) > least);
  if (busy.length === 0 || busy.length > quiet.length) return { lanes, quiet: [] };
  const name = `${quiet.length.toLocaleString("en")} quiet ones`;
  return { lanes: busy, quiet: [{ ...quiet[0], name }] };
}

/** How often a lane sends or receives. */
function transfers({ segments }: Lane): number {
  return segments.filter(({ state }) => state === "copying").length;
}

/** By kind, the states in which the longest time makes a lane stand out. */
const OUTSTANDING: Partial<Record<Lane["kind"], State[]>> = {
  coroutine: ["computing", "waiting"],
  client: ["queued", "waiting"],
};

/**
 * The lanes of a kind that are drawn: the first ones, and those that stand out among the rest; and
 * below them the one of those that are quiet.
 */
function shownOf(all: Lane[], quiet: Lane[]): Lane[] {
  return [...firstOf(all, MOST - quiet.length), ...quiet];
}

function firstOf(lanes: Lane[], most: number): Lane[] {
  if (lanes.length <= most + 1) return lanes; // a line that says "1 more" takes as much room
  const outstanding = (OUTSTANDING[lanes[0].kind] ?? []).map((state) =>
    lanes.reduce((a, b) => longest(b, state) > longest(a, state) ? b : a)
  );
  const shown = new Set(outstanding);
  for (const lane of lanes) if (shown.size < most) shown.add(lane);
  return lanes.filter((lane) => shown.has(lane));
}

/** The longest time that a lane is in a state. */
function longest({ segments }: Lane, wanted: State): number {
  return segments.reduce(
    (most, { state, start, end }) => state === wanted ? Math.max(most, end - start) : most,
    0,
  );
}

/** "client 10" comes after "client 9". */
const collator = new Intl.Collator("en", { numeric: true });

/** What lies within a time, in milliseconds from its beginning. */
function within(segments: Segment[], begin: number, end: number): Segment[] {
  return segments.filter((segment) => segment.end >= begin && segment.start <= end)
    .map((segment) => ({
      ...segment,
      start: Math.max(0, segment.start - begin) / 1000,
      end: (segment.end - begin) / 1000,
    }));
}
