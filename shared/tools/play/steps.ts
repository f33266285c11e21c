/**
 * The moments that one can go to: each at which something changes, those at which a thread wakes
 * up, and those at which a run of EAGAIN begins. Times are in microseconds.
 *
 * @module
 */

import type { TraceEvent } from "../trace/events.ts";
import type { Model } from "./model.ts";
import { waits } from "./sentence.ts";
import { lastAt } from "./series.ts";

/** What one can go to the next of. */
export type StepKind = "event" | "wake-up" | "EAGAIN run";

/** A tenth of a microsecond, to which the address of the page rounds. */
const TENTH = 0.1;

/** The moments of a run, in ascending order, each once; looked for when they are needed. */
export class Steps {
  readonly #events: readonly TraceEvent[];
  readonly #model: Model;
  readonly #known = new Map<StepKind | number, Float64Array>();

  /** The moments of a run, whose events are in the order of the beginnings. */
  constructor(events: readonly TraceEvent[], model: Model) {
    this.#events = events;
    this.#model = model;
  }

  /** All of a kind. */
  all(kind: StepKind): Float64Array {
    return this.#once(kind, () => {
      if (kind === "event") return this.#events.flatMap(endsOf);
      const calls = this.#model.threads.flatMap(({ calls }) => calls);
      if (kind === "wake-up") return calls.filter(waits).map(({ ts, dur = 0 }) => ts + dur);
      return calls.filter(({ args: { error, count } }) =>
        count !== undefined && String(error).startsWith("EAGAIN")
      ).map(({ ts }) => ts);
    });
  }

  /** Those at which something happens to a client, by the index of its connection. */
  ofClient(index: number): Float64Array {
    return this.#once(index, () => {
      const { client, pid, fd, accepted, closed } = this.#model.connections[index];
      return this.#events.filter((event) => {
        const { ts, dur = 0, args } = event;
        if (client === `${event.pid} ${event.tid}`) return true;
        if (event.pid !== pid) return false;
        if (args.peer !== undefined) return args.result === fd && ts + dur === accepted;
        return args.fd === fd && ts >= accepted && ts <= closed;
      }).flatMap(endsOf);
    });
  }

  /** The last moment within a distance of a time, which may be a rounded one; undefined if none. */
  near(time: number, distance: number): number | undefined {
    let near: number | undefined;
    for (const event of this.#events) {
      if (event.ts > time + distance) break;
      for (const moment of endsOf(event)) {
        if (Math.abs(moment - time) < distance) near = Math.max(moment, near ?? moment);
      }
    }
    return near;
  }

  #once(key: StepKind | number, find: () => number[]): Float64Array {
    let moments = this.#known.get(key);
    if (moments === undefined) {
      const sorted = Float64Array.from(find()).sort();
      // Of moments that the address cannot distinguish, the last: then all of it has happened.
      moments = sorted.filter((time, i) => time >= 0 && !(sorted[i + 1] - time < TENTH));
      this.#known.set(key, moments);
    }
    return moments;
  }
}

function endsOf({ ts, dur }: TraceEvent): number[] {
  return dur === undefined ? [ts] : [ts, ts + dur];
}

/** The next of some moments in a direction; undefined behind the last. */
export function stepFrom(
  moments: Float64Array,
  time: number,
  direction: 1 | -1,
): number | undefined {
  const at = lastAt(moments, time);
  if (direction === 1) return moments[at + 1];
  return moments[moments[at] === time ? at - 1 : at];
}
