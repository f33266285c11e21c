/**
 * What the schedulers of lessons 12 to 14 do with their coroutines, as they publish it.
 *
 * @module
 */

import { subscribe } from "node:diagnostics_channel";
import { now } from "./clock.ts";
import type { Recorder, TraceEvent } from "./events.ts";
import type { Places } from "./places.ts";

/** One switch, as it is published on the channel `coroutine`. */
interface Switch {
  /** What has just happened. */
  state: "created" | "running" | "suspended" | "ended";
  /** The coroutine's number, which no other one has. */
  id: number;
  /** Its name. */
  name: string;
}

/**
 * Records from now on every switch.
 *
 * @param places For the player: where coroutines are created, and where they wait.
 */
export function traceCoroutines(record: Recorder, places?: Places): void {
  const running: Running[] = []; // the one that runs is the last one
  if (places !== undefined) followGenerators(running, places);
  const common = { cat: "coroutine", pid: Deno.pid, tid: places?.tid ?? 0 };
  subscribe("coroutine", (message) => {
    const { state, id, name } = message as Switch;
    const event = { ...common, ts: now(), id: String(id), args: {} };
    if (state === "created") record({ ...event, ph: "b", name, args: argsOf(places?.here()) });
    else if (state === "running") {
      running.push({ id, depth: 0 });
      record({ ...event, ph: "b", name: "running" });
    } else {
      const at = running.findLastIndex((own) => own.id === id);
      const [own] = at === -1 ? [] : running.splice(at, 1);
      if (own) record({ ...event, ph: "e", name: "running", args: argsOf(own.at) });
    }
    if (state === "ended") record({ ...event, ph: "e", name });
  });
}

function argsOf(at: number | undefined): TraceEvent["args"] {
  return at === undefined ? {} : { at };
}

/** A coroutine that runs. */
interface Running {
  id: number;
  /** How many generators deep it is: it is one itself, and each `yield*` leads into another. */
  depth: number;
  /** The number of the place where it has just begun to wait. */
  at?: number;
}

/**
 * Finds out where coroutines wait. A generator that is suspended is on no stack. But `yield*` calls
 * `next` of the generator that it delegates to, and when that returns without having ended, the
 * `yield*` is on the stack as its caller. All of them pass on the same result, so the first to
 * return it is the innermost. A plain `yield`, without a star, cannot be seen in this way.
 */
function followGenerators(running: Running[], places: Places): void {
  const { prototype } = Object.getPrototypeOf(function* () {});
  let last: unknown;
  for (const name of ["next", "throw"] as const) {
    const original: (this: unknown, value: unknown) => IteratorResult<unknown> = prototype[name];
    prototype[name] = function (value: unknown) {
      const own = running.at(-1);
      if (own === undefined) return original.call(this, value);
      own.depth++;
      try {
        const result = original.call(this, value);
        if (!result.done && result !== last) {
          last = result;
          own.at = own.depth > 1 ? places.here() : undefined;
        }
        return result;
      } finally {
        own.depth--;
      }
    };
  }
}
