/**
 * Signals that a script listens to.
 *
 * @module
 */

import { threads } from "../../linux/libc.ts";
import { now } from "./activity.ts";
import type { Recorder } from "./events.ts";

const { gettid } = threads; // the plain function, whatever will be put in its place

/** Records from now on an instant whenever a listener of this thread is called. */
export function traceSignals(record: Recorder): void {
  const { addSignalListener, removeSignalListener } = Deno;
  const tid = gettid();
  // A listener is removed by itself, so each has one wrapper for each signal.
  const wrappers = new WeakMap<() => void, Map<Deno.Signal, () => void>>();
  Deno.addSignalListener = (signal, handler) => {
    const own = wrappers.get(handler) ?? new Map<Deno.Signal, () => void>();
    const wrapper = own.get(signal) ?? (() => {
      const event = { name: signal, cat: "signal", ph: "i", s: "t", pid: Deno.pid, tid } as const;
      record({ ...event, ts: now(), args: {} });
      handler();
    });
    wrappers.set(handler, own.set(signal, wrapper));
    addSignalListener(signal, wrapper);
  };
  Deno.removeSignalListener = (signal, handler) => {
    removeSignalListener(signal, wrappers.get(handler)?.get(signal) ?? handler);
  };
}
