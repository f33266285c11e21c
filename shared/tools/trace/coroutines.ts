/**
 * What a scheduler tells of its coroutines. Nothing here calls libc.
 *
 * @module
 */

import type { Recorder } from "./events.ts";

/** What happens to a coroutine. */
export type CoroutineState = "created" | "running" | "suspended" | "ended";

/**
 * Takes note of a switch.
 *
 * @param state What has just happened.
 * @param id The coroutine's number, which no other one has.
 * @param name What it is called.
 */
export type CoroutineListener = (state: CoroutineState, id: number, name: string) => void;

/**
 * Wants to know of each switch; undefined as long as nothing is traced, so that a scheduler writes
 * `onCoroutine?.("running", id, name)`, and nothing of it costs anything then.
 */
export let onCoroutine: CoroutineListener | undefined;

/** Records from now on what the schedulers tell. */
export function traceCoroutines(record: Recorder): void {
  const running = new Set<number>();
  onCoroutine = (state, id, name) => {
    const ts = 1000 * (performance.timeOrigin + performance.now());
    const event = { cat: "coroutine", pid: Deno.pid, tid: 0, ts, id: String(id), args: {} };
    if (state === "created") record({ ...event, ph: "b", name });
    else if (state === "running") {
      running.add(id);
      record({ ...event, ph: "b", name: "running" });
    } else if (running.delete(id)) record({ ...event, ph: "e", name: "running" });
    if (state === "ended") record({ ...event, ph: "e", name });
  };
}
