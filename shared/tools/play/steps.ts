/**
 * The moments that one can go to: each at which something changes, those at which a thread wakes up,
 * and those at which a run of EAGAIN begins. Times are in microseconds.
 *
 * @module
 */

import type { TraceEvent } from "../trace/events.ts";
import type { Model } from "./model.ts";
import { waits } from "./sentence.ts";
import { lastAt } from "./series.ts";

/** What one can go to the next of. */
export type StepKind = "event" | "wake-up" | "EAGAIN run";

/** Moments, in ascending order, each once. */
export interface Steps {
  /** All of a kind. */
  all: Readonly<Record<StepKind, Float64Array>>;
  /** Those at which something happens to one client, by its connection's index. */
  ofClient(index: number): Float64Array;
}

/** The moments of a run. */
export function stepsOf(events: readonly TraceEvent[], model: Model): Steps {
  const ends = ({ ts, dur = 0 }: TraceEvent) => dur === 0 ? [ts] : [ts, ts + dur];
  const calls = model.threads.flatMap(({ calls }) => calls);
  return {
    all: {
      "event": ascending(events.flatMap(ends)),
      "wake-up": ascending(calls.filter(waits).map(({ ts, dur = 0 }) => ts + dur)),
      "EAGAIN run": ascending(
        calls.filter(({ args: { error, count } }) => count && String(error).startsWith("EAGAIN"))
          .map(({ ts }) => ts),
      ),
    },
    ofClient(index) {
      const { client, pid, fd, accepted, closed } = model.connections[index];
      return ascending(
        events.filter((event) => {
          if (client === `${event.pid} ${event.tid}`) return true;
          if (event.pid !== pid) return false;
          if (event.args.result === fd && event.args.peer !== undefined) {
            return event.ts + (event.dur ?? 0) === accepted;
          }
          return event.args.fd === fd && event.ts >= accepted && event.ts <= closed;
        }).flatMap(ends),
      );
    },
  };
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

function ascending(times: number[]): Float64Array {
  return Float64Array.from(new Set(times)).sort();
}
