/**
 * Traces, as tests make and read them: whether a file keeps the rules of the Trace Event Format.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Subject } from "../shared/tools/check/server.ts";
import type { TraceEvent } from "../shared/tools/trace/events.ts";
import { recorderPermissions, recorderUrl, type Settings } from "../shared/tools/trace/settings.ts";

/** A server under the recorder. */
export function recorded(subject: Subject, settings: Omit<Settings, "name">): Subject {
  const preload = recorderUrl(subject.permissions, { name: "server", ...settings });
  const more = settings.trace ? recorderPermissions(subject.permissions, settings.trace) : [];
  return { ...subject, preload, permissions: [...subject.permissions, ...more] };
}

/** Reads a trace, which may still be open at its end, and checks it, field by field. */
export function readTrace(path: string): TraceEvent[] {
  const text = Deno.readTextFileSync(path);
  assert(text.startsWith("["), "the array of events has no beginning");
  const events: TraceEvent[] = JSON.parse(text.trimEnd().endsWith("]") ? text : `${text}]`);
  checkFields(events);
  checkThreads(events.filter(({ ph }) => ph === "X"));
  checkPairs(events.filter(({ ph }) => ph === "b" || ph === "n" || ph === "e"));
  return events;
}

function checkFields(events: TraceEvent[]) {
  for (const event of events) {
    const shown = JSON.stringify(event);
    const { name, cat, ph, pid, tid, ts, dur, id, s, args } = event;
    assert(typeof name === "string" && name !== "", shown);
    assert(typeof cat === "string" && cat !== "", shown);
    assert(["X", "i", "b", "n", "e", "M"].includes(ph), shown);
    assert(Number.isInteger(pid) && pid > 0, shown);
    assert(Number.isInteger(tid) && tid >= 0, shown);
    assert(typeof ts === "number" && ts >= 0, shown);
    assert.equal(typeof args, "object", shown);
    assert.equal(dur !== undefined && dur >= 0, ph === "X", shown);
    assert.equal(typeof id === "string", ph === "b" || ph === "n" || ph === "e", shown);
    assert.equal(s, ph === "i" ? "t" : undefined, shown);
    if (ph !== "M") continue;
    assert(name === "process_name" || name === "thread_name", shown);
    assert(typeof args.name === "string" && args.name !== "", shown);
  }
}

/** What a thread does is recorded when it has ended, and nothing of it overlaps anything else. */
function checkThreads(events: TraceEvent[]) {
  const last = new Map<number, TraceEvent>();
  for (const event of events) {
    const before = last.get(event.tid);
    last.set(event.tid, event);
    if (before === undefined) continue;
    const same = before.ts === event.ts && before.dur === event.dur; // the kinds of one run
    // A double has room for a quarter of a microsecond in a time since 1970.
    const overlap = before.ts + before.dur! - event.ts;
    assert(same || overlap <= 0.5, `${JSON.stringify(before)}\noverlaps\n${JSON.stringify(event)}`);
  }
}

/** What ends has begun, not later, and what begins within something ends within it. */
function checkPairs(events: TraceEvent[]) {
  const open = new Map<string, TraceEvent[]>();
  for (const event of events) {
    const stack = open.get(`${event.cat} ${event.id}`) ?? [];
    open.set(`${event.cat} ${event.id}`, stack);
    if (event.ph === "b") stack.push(event);
    else {
      const begun = stack.at(-1);
      assert(begun !== undefined && begun.name === event.name, JSON.stringify(event));
      assert(begun.ts <= event.ts, JSON.stringify(event));
      if (event.ph === "e") stack.pop();
    }
  }
}

/** How often there was each kind of result of each call: `recv = 5`, `recv = -1 EAGAIN`. */
export function resultsOf(events: TraceEvent[]): Map<string, number> {
  const results = new Map<string, number>();
  for (const { name, cat, args: { result, error, count } } of events) {
    if (cat !== "call") continue;
    const outcome = error === undefined ? result : `${result} ${String(error).split(" ")[0]}`;
    const key = `${name} = ${outcome}`;
    results.set(key, (results.get(key) ?? 0) + Number(count ?? 1));
  }
  return results;
}
