/**
 * The lanes of a run as they are drawn: sorted, the coroutines below those that started them, and
 * many of a kind as one.
 *
 * @module
 */

import { type Lane, lanesOf, type Segment, type State } from "../lesson/lanes.ts";
import type { TraceEvent } from "../trace/events.ts";
import { type Connection, type Model, stateOf } from "./model.ts";

/** A lane. */
export interface Row {
  /** What stands before it. */
  name: string;
  /** How far it is indented: a coroutine is below the one that started it. */
  depth: number;
  /** What was done, in the order of the beginnings; times in microseconds. */
  segments: Segment[];
  /** Of a lane for many: how many are in a state, in equal parts of the time. */
  crowd?: { states: State[]; counts: Uint32Array[]; most: number };
}

/** The rows, and which of them belongs to a thread or a client. */
export interface Rows {
  /** All rows. */
  rows: Row[];
  /** The index of a row, by the name of the lane. */
  indexOf(kind: Lane["kind"], name: string): number;
}

/** So many lanes of a kind are drawn one by one. */
const MOST = 20;
/** Of more than that, these. */
const FEW = 6;
/** So many parts has the lane of many. */
const PARTS = 600;

const TITLES = {
  thread: "threads",
  operation: "operations",
  coroutine: "coroutines",
  client: "clients",
};

/** The rows of a run. */
export function rowsOf(
  events: TraceEvent[],
  names: Readonly<Record<string, string>>,
  model: Model,
): Rows {
  const lanes = lanesOf(events, new Map(Object.entries(names)), model.end);
  const rows: Row[] = [];
  const indices = new Map<string, number>();
  for (const kind of ["thread", "coroutine", "operation", "client"] as const) {
    const own = lanes.filter((lane) => lane.kind === kind);
    if (kind === "coroutine") sortAsTree(own, model);
    else own.sort((a, b) => collator.compare(a.name, b.name));
    const shown = own.length <= MOST ? own : own.slice(0, FEW);
    for (const { name, segments } of shown) {
      indices.set(`${kind} ${name}`, rows.length);
      segments.sort((a, b) => a.start - b.start);
      rows.push({ name, depth: kind === "coroutine" ? depthOf(name, model) : 0, segments });
    }
    if (shown.length === own.length) continue;
    indices.set(kind, rows.length);
    const name = `all ${own.length.toLocaleString("en")} ${TITLES[kind]}`;
    const crowd = kind === "client" && model.listeners.length > 0
      ? crowdOf(model)
      : crowdOfLanes(own, model.end);
    rows.push({ name, depth: 0, segments: [], crowd });
  }
  return {
    rows,
    indexOf: (kind, name) => indices.get(`${kind} ${name}`) ?? indices.get(kind) ?? -1,
  };
}

const collator = new Intl.Collator("en", { numeric: true });

function sortAsTree(lanes: Lane[], { coroutines }: Model): void {
  const order = new Map(coroutines.map(({ name }, index) => [name, index]));
  lanes.sort((a, b) => order.get(a.name)! - order.get(b.name)!);
}

function depthOf(name: string, { coroutines }: Model): number {
  const byId = new Map(coroutines.map((own) => [own.id, own]));
  let depth = 0;
  for (
    let own = coroutines.find((own) => own.name === name);
    own?.parent !== undefined && depth < 4;
    depth++
  ) own = byId.get(own.parent);
  return depth;
}

/** How many clients are in the accept queue, have bytes in the kernel, or are idle. */
function crowdOf({ connections, end }: Model): Row["crowd"] {
  const states: State[] = ["waiting", "queued", "idle"];
  const counts = states.map(() => new Uint32Array(PARTS));
  function stateIn(connection: Connection, time: number): number {
    const state = stateOf(connection, time);
    if (state === "before" || state === "closed") return -1;
    return state === "queued" ? 1 : connection.toServer.waiting(time) > 0 ? 0 : 2;
  }
  for (const connection of connections) {
    for (let part = 0; part < PARTS; part++) {
      const state = stateIn(connection, (part + 0.5) * end / PARTS);
      if (state >= 0) counts[state][part]++;
    }
  }
  return { states, counts, most: connections.length };
}

function crowdOfLanes(lanes: Lane[], end: number): Row["crowd"] {
  const states: State[] = ["computing", "copying", "kernel", "waiting", "queued", "idle"];
  const counts = states.map(() => new Uint32Array(PARTS));
  for (const { segments } of lanes) {
    for (const { state, start, end: until } of segments) {
      const own = counts[states.indexOf(state)];
      if (own === undefined) continue;
      const last = Math.min(PARTS - 1, Math.floor(until / end * PARTS));
      for (let part = Math.max(0, Math.floor(start / end * PARTS)); part <= last; part++) {
        own[part]++;
      }
    }
  }
  return { states, counts, most: lanes.length };
}
