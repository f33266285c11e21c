/**
 * What each thread, operation, coroutine and client did when, from what was recorded of it.
 *
 * @module
 */

import type { TraceEvent } from "../trace/events.ts";

/** What a lane does for a while. */
export type State =
  | "queued" // connected, but not accepted by the server yet
  | "waiting" // inside a call that has nothing to give yet, or a client for its reply
  | "polling" // making calls that return EAGAIN, which never rests
  | "copying" // receiving or sending
  | "computing" // other work: the program itself, and calls that neither wait nor copy
  | "kernel" // an operation that was given to the kernel
  | "submitted" // the moment when it was given
  | "completed" // the moment when it was done
  | "idle"; // nothing that was recorded; a client is connected, and has its reply

/** A time in one state, in milliseconds. */
export interface Segment {
  /** What is done. */
  state: State;
  /** From when, since the beginning of the timeline. */
  start: number;
  /** To when; the same for a moment. */
  end: number;
  /** The call that waits, such as `recv(7)`. */
  call?: string;
}

/** A thread, an operation, a coroutine or a client, and what it did when. */
export interface Lane {
  /** What it is: lanes of one kind are left out together where there are too many. */
  kind: "thread" | "operation" | "client" | "coroutine";
  /** Its name. */
  name: string;
  /** What was done, in the order of the beginnings. */
  segments: Segment[];
}

/** Microseconds. A call that takes longer waits, and a longer pause between calls is no work. */
const LONG = 1000;

const TRANSFERS = ["recv", "recvmsg", "read", "send", "splice", "write"];
const WAITS = ["select", "poll", "epoll_wait", "io_uring_enter", "Atomics.wait"];

/**
 * The lanes of a run, with times in microseconds since 1970.
 *
 * @param events What was recorded, in the order of the beginnings.
 * @param names The names of threads and clients, by {@linkcode threadOf}.
 * @param end When the last of it ended.
 */
export function lanesOf(
  events: readonly TraceEvent[],
  names: Map<string, string>,
  end: number,
): Lane[] {
  const connections = connectionsIn(events);
  const { thread, operation, coroutine, client } = groups(events);
  const nameOf = ([event]: TraceEvent[]) => names.get(threadOf(event)) ?? threadOf(event);
  return [
    ...thread.values().map((own) => lane("thread", nameOf(own), threadSegments(own))),
    ...operation.values().map((own) => {
      const [{ name, args }] = own;
      return lane("operation", `${name}(${args.fd})`, operationSegments(own, end));
    }),
    ...coroutine.values().map((own) => lane("coroutine", own[0].name, coroutineSegments(own, end))),
    ...client.values().map((own) =>
      lane("client", nameOf(own), clientSegments(own, connections, end))
    ),
  ];
}

/** The main thread comes before those that have a number, and before processes that it starts. */
export function rankOf({ kind, name }: Lane): number {
  return kind === "thread" && /\d$/.test(name) ? 1 : 0;
}

/** What the server did with a client's connection, and when, in microseconds. */
interface Connection {
  accepted: number;
  closed?: number;
}

/** The connections that a server accepted, by the ports of the clients. */
function connectionsIn(events: readonly TraceEvent[]): Map<unknown, Connection> {
  const connections = new Map<unknown, Connection>();
  const open = new Map<number, Connection & { pid: number }>(); // by process and descriptor
  for (const { name, ph, pid, ts, dur = 0, args } of events) {
    const key = keyOf(pid, Number(args.fd));
    if (args.peer !== undefined) { // of accept4, or of a completion
      const connection = { pid, accepted: ts + dur };
      connections.set(args.peer, connection);
      open.set(keyOf(pid, Number(args.result)), connection);
    } else if (name === "close" && ph !== "e" && open.has(key)) {
      open.get(key)!.closed = ts;
      open.delete(key);
    } else if (name === "waitpid" && args.ended !== undefined) {
      // The kernel has closed all that the process had open.
      for (const [key, connection] of open) {
        if (connection.pid !== args.result) continue;
        connection.closed = ts + dur;
        open.delete(key);
      }
    }
  }
  return connections;
}

function lane(kind: Lane["kind"], name: string, segments: Segment[]): Lane {
  return { kind, name, segments };
}

/** To which kind of lane an event belongs, by its category. */
const KINDS: Record<string, Lane["kind"]> = {
  call: "thread",
  computing: "thread",
  signal: "thread",
  io_uring: "operation",
  coroutine: "coroutine",
  client: "client",
};

/** The events of each lane, by its kind. */
function groups(
  events: readonly TraceEvent[],
): Record<Lane["kind"], Map<number | string, TraceEvent[]>> {
  const groups = {
    thread: new Map(),
    operation: new Map(),
    coroutine: new Map(),
    client: new Map(),
  };
  const ofClients = new Set<number>();
  for (const { cat, pid } of events) if (cat === "client") ofClients.add(pid);
  for (const event of events) {
    const { cat, ph, pid, tid, id } = event;
    const kind = KINDS[cat];
    // The calls of a client script are no work of the server.
    const isOfOther = (kind === "thread" || kind === "operation") && ofClients.has(pid);
    // Operations that complete in silence are instants, and have no lane.
    if (kind === undefined || isOfOther || kind === "operation" && ph === "i") continue;
    const key = id === undefined ? keyOf(pid, tid) : `${pid} ${id}`;
    const own = groups[kind].get(key);
    if (own === undefined) groups[kind].set(key, [event]);
    else own.push(event);
  }
  return groups;
}

/**
 * What identifies a thread or a descriptor of a process: the same number is another one elsewhere.
 * Maps find numbers faster than texts.
 */
export function keyOf(pid: number, number: number): number {
  return pid * 2 ** 22 + number;
}

/** What identifies a thread, or a client of a client script. */
export function threadOf({ pid, tid }: TraceEvent): string {
  return `${pid} ${tid}`;
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
      // A thread that polls does nothing else in between.
      const isPolling = state === "polling" && segments.at(-1)?.state === "polling";
      segments.push({
        state: isPolling && pause !== "idle" ? state : pause,
        start: last,
        end: start,
      });
    }
    last = Math.max(last, end);
    if (cat === "signal") continue; // it only says that the thread is awake now
    if (state !== "waiting") {
      segments.push({ state, start, end });
      continue;
    }
    const { fd = Object.values(event.args)[0], result } = event.args;
    segments.push({ state, start, end, call: `${event.name}(${fd})` });
    // A call that has waited for data has copied it at its end.
    if (TRANSFERS.includes(event.name) && Number(result) > 0) {
      segments.push({ state: "copying", start: end, end });
    }
  }
  return segments;
}

function stateOf({ name, dur = 0, args: { result, error, count, preempted } }: TraceEvent): State {
  // A call that took long without waiting did what it always does, but others had the core.
  const long = dur >= LONG && preempted === undefined;
  const isPolling = String(error).startsWith("EAGAIN");
  if (isPolling && (!long || count !== undefined)) return "polling";
  if (long || WAITS.includes(name)) return "waiting";
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

/** Until it ends, a coroutine that does not run waits: for something, or for its turn. */
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

function clientSegments(
  events: TraceEvent[],
  connections: Map<unknown, Connection>,
  end: number,
): Segment[] {
  const segments: Segment[] = [];
  let last = events[0].ts;
  function idleUntil(time: number) {
    if (time > last) segments.push({ state: "idle", start: last, end: time });
  }
  for (const { name, ts: start, dur = 0 } of events) {
    idleUntil(start);
    last = start + dur;
    segments.push({ state: name === "send" ? "copying" : "waiting", start, end: last, call: name });
    if (name.startsWith("wait")) segments.push({ state: "copying", start: last, end: last });
  }
  const [{ name, ts, dur = 0, args: { port } }] = events;
  const connection = connections.get(port);
  if (name !== "connect" || connection === undefined) return segments;
  // It stays connected until it goes, and the server closes its descriptor.
  idleUntil(connection.closed ?? end);
  return withQueue(segments, ts + dur, connection.accepted);
}

/** Until the server accepts it, a client is in a queue of the kernel, whatever else it does. */
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
