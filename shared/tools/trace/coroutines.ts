/**
 * What the schedulers of lessons 12 to 14 do with their coroutines, as they publish it.
 *
 * @module
 */

import { subscribe } from "node:diagnostics_channel";
import { now } from "./clock.ts";
import type { Recorder } from "./events.ts";

/** One switch, as it is published on the channel `coroutine`. */
interface Switch {
  /** What has just happened. */
  state: "created" | "running" | "suspended" | "ended";
  /** The coroutine's number, which no other one has. */
  id: number;
  /** Its name. */
  name: string;
}

/** Records from now on every switch. */
export function traceCoroutines(record: Recorder): void {
  const running = new Set<number>();
  subscribe("coroutine", (message) => {
    const { state, id, name } = message as Switch;
    const event = { cat: "coroutine", pid: Deno.pid, tid: 0, ts: now(), id: String(id), args: {} };
    if (state === "created") record({ ...event, ph: "b", name });
    else if (state === "running") {
      running.add(id);
      record({ ...event, ph: "b", name: "running" });
    } else if (running.delete(id)) record({ ...event, ph: "e", name: "running" });
    if (state === "ended") record({ ...event, ph: "e", name });
  });
}
