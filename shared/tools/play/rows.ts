/**
 * The lanes of a run as they are drawn: sorted, the coroutines below those that started them, and
 * many of a kind as one.
 *
 * @module
 */

import { type Lane, lanesOf, rankOf, type Segment, type State } from "../lesson/lanes.ts";
import type { TraceEvent } from "../trace/events.ts";
import type { Coroutine, Model } from "./model.ts";
import { written } from "./sentence.ts";

/** A lane. */
export interface Row {
  /** What stands before it. */
  name: string;
  /** How far it is indented: a coroutine is below the one that started it. */
  depth: number;
  /** What was done, in the order of the beginnings; times in microseconds. */
  segments: Segment[];
  /** Of a lane for many: how many of them are in a state. */
  crowd?: Crowd;
}

/** How many are in a state, in equal parts of the time. */
export interface Crowd {
  /** The states, from the bottom to the top. */
  states: State[];
  /** How many are in each, by state and part. */
  counts: Int32Array[];
  /** How many there are in all. */
  most: number;
}

/** The rows, and which of them belongs to a thread or a client. */
export interface Rows {
  /** All rows. */
  rows: Row[];
  /** The index of a row, by the name of the lane; -1 if it has none. */
  indexOf(kind: Lane["kind"], name: string): number;
}

/** So many lanes of a kind are drawn one by one; of more, some, and all as one. */
const MOST = 12;
/** So many of these are the first ones. */
const FIRST = 4;
/** So many parts has the time of a lane for many. */
const PARTS = 600;

/** The rows of a run. */
export function rowsOf(
  events: readonly TraceEvent[],
  names: Readonly<Record<string, string>>,
  model: Model,
): Rows {
  const lanes = lanesOf(withoutCrowd(events, model), new Map(Object.entries(names)), model.end);
  const rows: Row[] = [];
  const indices = new Map<string, number>();
  const coroutines = new Map(model.coroutines.map((own, index) => [own.name, index]));
  for (const kind of ["thread", "coroutine", "operation", "client"] as const) {
    // What was done before the first client is not shown.
    const own = lanes.filter((lane) =>
      lane.kind === kind && lane.segments.some(({ end }) => end >= 0)
    );
    if (own.length === 0) continue;
    if (kind === "coroutine") {
      own.sort((a, b) => coroutines.get(a.name)! - coroutines.get(b.name)!);
    } else own.sort((a, b) => rankOf(a) - rankOf(b) || compare(a.name, b.name));
    const count = kind === "client" ? Math.max(own.length, model.connections.length) : own.length;
    for (const { name, segments } of count <= MOST ? own : outstanding(own)) {
      indices.set(`${kind} ${name}`, rows.length);
      segments.sort((a, b) => a.start - b.start);
      const depth = kind === "coroutine"
        ? depthOf(model.coroutines[coroutines.get(name)!], model)
        : 0;
      rows.push({ name, depth, segments });
    }
    if (count <= MOST) continue;
    indices.set(kind, rows.length);
    const name = `all ${written(count)} ${kind}s`;
    rows.push({ name, depth: 0, segments: [], crowd: crowdOf(own, count, model) });
  }
  return {
    rows,
    indexOf: (kind, name) => indices.get(`${kind} ${name}`) ?? indices.get(kind) ?? -1,
  };
}

/** "client 10" comes after "client 9": of two numbers, the longer one is the larger. */
function compare(a: string, b: string): number {
  const [[, one, first], [, other, second]] = [a, b].map((name) => /^(\D*)(.*)/.exec(name)!);
  if (one !== other) return one < other ? -1 : 1;
  return first.length - second.length || Number(first > second) - Number(first < second);
}

/** Without the events of thousands of clients, of which a few will be drawn. */
function withoutCrowd(
  events: readonly TraceEvent[],
  { connections }: Model,
): readonly TraceEvent[] {
  if (connections.length <= 200) return events;
  const kept = new Set(connections.slice(0, MOST).map(({ client }) => client));
  let [first, longest] = [connections[0], 0];
  for (const connection of connections) {
    const { accepted, connected } = connection;
    if (Number.isFinite(accepted) && accepted - connected > longest) {
      [first, longest] = [connection, accepted - connected];
    }
  }
  kept.add(first.client);
  return events.filter(({ cat, pid, tid }) =>
    cat !== "socket" && (cat !== "client" || kept.has(`${pid} ${tid}`))
  );
}

/** The first lanes of many, and those in which the longest of each state is. */
function outstanding(lanes: Lane[]): Lane[] {
  const shown = new Set(lanes.slice(0, FIRST));
  for (const state of ["queued", "computing", "waiting"] as const) {
    const [longest, lane] = lanes.map((lane) => [longestIn(lane, state), lane] as const)
      .reduce((a, b) => b[0] > a[0] ? b : a);
    if (longest > 0) shown.add(lane);
  }
  return lanes.filter((lane) => shown.has(lane));
}

function longestIn({ segments }: Lane, wanted: State): number {
  let longest = 0;
  for (const { state, start, end } of segments) {
    if (state === wanted) longest = Math.max(longest, end - start);
  }
  return longest;
}

function depthOf(coroutine: Coroutine, { coroutines }: Model): number {
  let depth = 0;
  for (
    let own: Coroutine | undefined = coroutine;
    own?.parent !== undefined && depth < 4;
    depth++
  ) {
    const { parent }: Coroutine = own;
    own = coroutines.find(({ id }) => id === parent);
  }
  return depth;
}

/** How many are in which state, over the time. */
function crowdOf(lanes: Lane[], most: number, model: Model): Crowd {
  const { end } = model;
  const [{ kind }] = lanes;
  const counts = new Map<State, Int32Array>();
  function add(state: State, from: number, to: number, count = 1) {
    let own = counts.get(state);
    if (own === undefined) counts.set(state, own = new Int32Array(PARTS + 1));
    own[partAt(from)] += count;
    own[partAt(to)] -= count;
  }
  function partAt(time: number): number {
    return Math.min(PARTS, Math.max(0, Math.round(time / end * PARTS)));
  }
  if (kind === "operation") {
    for (const { begin, end } of model.operations) add("kernel", begin, end);
  } else if (kind === "coroutine") {
    for (const { begin, end, running } of model.coroutines) {
      add("waiting", begin, end);
      running.times.forEach((from, i) => {
        const to = running.times[i + 1] ?? end;
        if (!running.at(from) || to === from) return;
        add("computing", from, to);
        add("waiting", from, to, -1);
      });
    }
  } else if (kind === "thread" || model.listeners.length === 0) {
    for (const { segments } of lanes) {
      for (const { state, start, end } of segments) add(state, start, end);
    }
  } else {
    for (const { connected, accepted, closed, toServer } of model.connections) {
      add("queued", connected, accepted);
      add("idle", accepted, closed);
      const { sent, received } = toServer;
      for (const from of sent.times) {
        const value = sent.at(from);
        const [begin, to] = [Math.max(from, accepted), received.when((taken) => taken >= value)];
        if (to <= begin) continue;
        add("waiting", begin, to);
        add("idle", begin, to, -1);
      }
    }
  }
  // From changes to how many there are.
  for (const own of counts.values()) {
    for (let i = 1; i < own.length; i++) own[i] += own[i - 1];
  }
  return { states: [...counts.keys()], counts: [...counts.values()], most };
}
