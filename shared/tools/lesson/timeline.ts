/**
 * When a run did what: traces, read into a lane for each thread of the server and each client, and
 * lanes into columns that can be drawn. Nothing is in it that was not recorded.
 *
 * @module
 */

import type { TraceEvent } from "../trace/events.ts";

/** What somebody does for a while. */
export type State =
  | "queued" // connected, but not accepted by the server yet
  | "waiting" // inside a call that has nothing to give yet, or a client for its reply
  | "polling" // calls that return EAGAIN, one after another
  | "copying" // receiving or sending
  | "computing" // other work: the program itself, and calls that neither wait nor copy
  | "kernel" // an operation that the kernel has been given
  | "submitted" // the moment when it was given
  | "completed" // the moment when it was done
  | "idle"; // between two things that were recorded, nothing

/** A time in one state, in milliseconds. */
export interface Segment {
  /** What is done. */
  state: State;
  /** From when, since the beginning of the timeline. */
  start: number;
  /** To when; the same for a moment. */
  end: number;
  /** The call in which it is done, such as `recv(7)`. */
  call?: string;
}

/** Somebody, and what was done when. */
export interface Lane {
  /** What it is: lanes of one kind are left out together where there are too many. */
  kind: "thread" | "operation" | "client" | "coroutine";
  /** Its name. */
  name: string;
  /** What was done, in the order of the beginnings. */
  segments: Segment[];
}

/** Lanes side by side. */
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
/** Microseconds. A call that takes longer waits, and a longer pause between calls is no work. */
const LONG = 1000;

const TRANSFERS = ["recv", "recvmsg", "read", "send", "write"];
const WAITS = ["select", "poll", "epoll_wait", "io_uring_enter"];

/**
 * Reads what was recorded in files of `--trace`. The timeline begins with the first client, and
 * ends with the last event.
 *
 * @returns undefined if nothing was recorded.
 */
export function readTimeline(title: string, costs: string, paths: string[]): Timeline | undefined {
  return timelineOf(title, costs, paths.flatMap(readEvents));
}

/** The events in a file; of one that is still being written, those that are complete. */
export function readEvents(path: string): TraceEvent[] {
  return Deno.readTextFileSync(path).split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line.trimStart().slice(1))]; // behind a bracket or a comma
    } catch {
      return []; // what is still being written, or the spaces at the end
    }
  });
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
  lanes.sort((a, b) => collator.compare(a.name, b.name));
  const kinds = ["thread", "operation", "coroutine", "client"] as const;
  const byKind = kinds.map((kind) => lanes.filter((lane) => lane.kind === kind));
  return {
    title,
    costs,
    length: (end - begin) / 1000,
    lanes: byKind.flatMap((lanes) => lanes.slice(0, MOST)),
    more: byKind.flatMap((lanes, i) =>
      lanes.length > MOST
        ? [`${(lanes.length - MOST).toLocaleString("en")} more ${plural(kinds[i], lanes.length)}`]
        : []
    ),
  };
}

/** "client 10" comes after "client 9", and "thread 1" after "server". */
const collator = new Intl.Collator("en", { numeric: true });

function plural(kind: string, count: number): string {
  return count - MOST === 1 ? kind : `${kind}s`;
}

function lanesOf(events: TraceEvent[], names: Map<string, string>, end: number): Lane[] {
  const accepted = new Map(
    events.filter(({ name, args }) => name === "accept4" && args.peer !== undefined)
      .map(({ ts, dur = 0, args }) => [args.peer, ts + dur]),
  );
  // Operations that complete in silence are instants, and have no lane.
  const [threads, operations, coroutines, clients] = [
    groups(events, ["call", "computing", "signal"], threadOf),
    groups(events.filter(({ ph }) => ph !== "i"), ["io_uring"], subjectOf),
    groups(events, ["coroutine"], subjectOf),
    groups(events, ["client"], threadOf),
  ];
  const nameOf = ([event]: TraceEvent[]) => names.get(threadOf(event)) ?? threadOf(event);
  return [
    ...threads.map((own) => lane("thread", nameOf(own), threadSegments(own))),
    ...operations.map((own) => {
      const [{ name, args }] = own;
      return lane("operation", `${name}(${args.fd})`, operationSegments(own, end));
    }),
    ...coroutines.map((own) => lane("coroutine", own[0].name, coroutineSegments(own, end))),
    ...clients.map((own) => lane("client", nameOf(own), clientSegments(own, accepted))),
  ];
}

function lane(kind: Lane["kind"], name: string, segments: Segment[]): Lane {
  return { kind, name, segments };
}

/** The events of some categories, together with those of the same. */
function groups(
  events: TraceEvent[],
  categories: string[],
  keyOf: (event: TraceEvent) => string,
): TraceEvent[][] {
  return [...Map.groupBy(events.filter(({ cat }) => categories.includes(cat)), keyOf).values()];
}

function threadOf({ pid, tid }: TraceEvent): string {
  return `${pid} ${tid}`;
}

function subjectOf({ pid, id }: TraceEvent): string {
  return `${pid} ${id}`;
}

/** The segments, still in microseconds, of what one thread did. */
function threadSegments(events: TraceEvent[]): Segment[] {
  const segments: Segment[] = [];
  let last = events[0].ts;
  for (const event of events) {
    const { cat, ts: start, dur = 0 } = event;
    const end = start + dur;
    const state = cat === "call" ? stateOf(event) : "computing";
    if (start > last) {
      const pause = start - last >= LONG ? "idle" : "computing";
      // A thread that polls does nothing else between the calls.
      const asking = state === "polling" && segments.at(-1)?.state === "polling";
      segments.push({ state: asking && pause !== "idle" ? state : pause, start: last, end: start });
    }
    last = Math.max(last, end);
    if (cat === "signal") continue; // it only says that the thread is awake now
    const { fd = Object.values(event.args)[0] } = event.args;
    segments.push({ state, start, end, call: `${event.name}(${fd})` });
    // A call that has waited for data has copied it at its end.
    if (state === "waiting" && TRANSFERS.includes(event.name) && Number(event.args.result) > 0) {
      segments.push({ state: "copying", start: end, end });
    }
  }
  return segments;
}

function stateOf({ name, dur = 0, args: { result, error, count } }: TraceEvent): State {
  const inVain = String(error).startsWith("EAGAIN");
  if (inVain && (dur < LONG || count !== undefined)) return "polling";
  if (dur >= LONG || WAITS.includes(name)) return "waiting";
  return TRANSFERS.includes(name) && Number(result) > 0 ? "copying" : "computing";
}

/** Operations on a descriptor, from submission to completion; some are still under way. */
function operationSegments(events: TraceEvent[], end: number): Segment[] {
  const segments: Segment[] = [];
  let begun: number | undefined;
  for (const { ph, ts } of events) {
    if (ph === "b") {
      begun = ts;
      segments.push({ state: "submitted", start: ts, end: ts });
    } else {
      segments.push({ state: "completed", start: ts, end: ts });
      if (ph === "n" || begun === undefined) continue;
      segments.push({ state: "kernel", start: begun, end: ts });
      begun = undefined;
    }
  }
  if (begun !== undefined) segments.push({ state: "kernel", start: begun, end });
  return segments;
}

/** A coroutine that does not run waits, be it for something or for its turn, until it has ended. */
function coroutineSegments(events: TraceEvent[], end: number): Segment[] {
  const segments: Segment[] = [];
  let last = events[0].ts;
  for (const { name, ph, ts } of events) {
    const ran = name === "running" && ph === "e";
    const state = ran ? "computing" : "waiting";
    if (ts > last || ran) segments.push({ state, start: last, end: ts });
    last = ts;
  }
  const ended = events.some(({ name, ph }) => name !== "running" && ph === "e");
  if (!ended && end > last) segments.push({ state: "waiting", start: last, end });
  return segments;
}

function clientSegments(events: TraceEvent[], accepted: Map<unknown, number>): Segment[] {
  const segments: Segment[] = [];
  let last = events[0].ts;
  for (const { name, ts: start, dur = 0 } of events) {
    if (start > last) segments.push({ state: "idle", start: last, end: start });
    last = start + dur;
    segments.push({ state: name === "send" ? "copying" : "waiting", start, end: last, call: name });
    if (name.startsWith("wait")) segments.push({ state: "copying", start: last, end: last });
  }
  const [{ name, ts, dur = 0, args: { port } }] = events;
  if (name !== "connect") return segments;
  return withQueue(segments, ts + dur, accepted.get(port) ?? 0);
}

/** What a client does while nobody has accepted it, it does in the queue of the kernel. */
function withQueue(segments: Segment[], connected: number, accepted: number): Segment[] {
  if (accepted - connected < LONG) return segments;
  const queued: Segment = { state: "queued", start: connected, end: accepted };
  const others = segments.flatMap((segment) => {
    const { state, start, end } = segment;
    if (state === "copying") return [segment];
    return [
      ...start < connected ? [{ ...segment, end: Math.min(end, connected) }] : [],
      ...end > accepted ? [{ ...segment, start: Math.max(start, accepted) }] : [],
    ];
  });
  return [...others, queued];
}

/** What lies within a time, in milliseconds from its beginning. */
function within(segments: Segment[], begin: number, end: number): Segment[] {
  return segments.filter((segment) => segment.end >= begin && segment.start <= end)
    .map((segment) => ({
      ...segment,
      start: Math.max(0, segment.start - begin) / 1000,
      end: (segment.end - begin) / 1000,
    }));
}

/** What is drawn in a column: what was done in most of the time, and what else is to be seen. */
export interface Column {
  /** What was done in most of the time, if it was not work. */
  background?: State;
  /** What is to be seen in front of it, however short it was. */
  mark?: State;
  /** How much of the time was work, from 1 to 8 eighths; the least is drawn as 1. */
  level: number;
}

const BACKGROUNDS: readonly State[] = ["queued", "waiting", "polling", "kernel", "idle"];
const MARKS: readonly State[] = ["completed", "submitted", "copying", "polling", "computing"];
const NO_TIME = 1e-9; // of a moment, in milliseconds: enough to be seen

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

/** The states that are to be seen somewhere, in the order of the legend. */
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

/** The longest waits of a lane that are long enough for their call's name to be written on them. */
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
