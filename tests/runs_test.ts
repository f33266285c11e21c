/** `shared/tools/trace/runs.ts`: how failing calls become one event. */

import { assertEquals } from "@std/assert";
import type { TraceEvent } from "../shared/tools/trace/events.ts";
import { Runs } from "../shared/tools/trace/runs.ts";

const [RECV, ACCEPT] = [0, 1];
const NAMES = ["recv", "accept4"];

/** Lets calls fail, as the recorder does it, and returns the events in short. */
function recorded(
  ...calls: [kind: number, fd: number, start: number, took: number][]
): [name: string, start: number, took: number, fd: number | string, count?: number][] {
  const events: TraceEvent[] = [];
  const runs = new Runs((event) => events.push(event), NAMES.length);
  for (const [kind, fd, ts, dur] of calls) {
    if (runs.repeats(kind, fd, ts, ts + dur)) continue;
    const event = { name: NAMES[kind], cat: "call", ph: "X", pid: 1, tid: 1, ts, dur } as const;
    runs.begin(kind, fd, { ...event, args: { fd } });
  }
  runs.end();
  return events.map(({ name, ts, dur, args: { fd, count } }) =>
    count === undefined ? [name, ts, dur!, fd] : [name, ts, dur!, fd, Number(count)]
  );
}

Deno.test("Runs records a single failing call as it is", () => {
  assertEquals(recorded([RECV, 7, 1000, 5]), [["recv", 1000, 5, 7]]);
});

Deno.test("Runs records calls that repeat as one event, with their time and count", () => {
  assertEquals(
    recorded([RECV, 7, 1000, 5], [RECV, 7, 1010, 5], [RECV, 7, 1020, 5]),
    [["recv", 1000, 25, 7, 3]],
  );
});

Deno.test("Runs gives all kinds of a run the time of the whole run", () => {
  assertEquals(
    recorded([ACCEPT, 3, 0, 5], [RECV, 7, 10, 5], [ACCEPT, 3, 20, 5], [RECV, 7, 30, 5]),
    [["accept4", 0, 35, 3, 2], ["recv", 0, 35, 7, 2]],
  );
});

Deno.test("Runs says `several` if the calls of a kind were about more than one descriptor", () => {
  assertEquals(
    recorded([RECV, 7, 0, 5], [RECV, 8, 10, 5], [RECV, 7, 20, 5]),
    [["recv", 0, 25, "several", 3]],
  );
});

Deno.test("Runs begins anew after a pause of more than a millisecond", () => {
  assertEquals(
    recorded([RECV, 7, 0, 5], [RECV, 7, 10, 5], [RECV, 7, 1016, 5], [RECV, 7, 1026, 5]),
    [["recv", 0, 15, 7, 2], ["recv", 1016, 15, 7, 2]],
  );
});

Deno.test("Runs begins anew with a call that took more than a millisecond", () => {
  assertEquals(
    recorded([RECV, 7, 0, 5], [RECV, 7, 10, 1001], [RECV, 7, 1020, 5]),
    [["recv", 0, 5, 7], ["recv", 10, 1015, 7, 2]],
  );
});

Deno.test("Runs records a run in parts of a tenth of a second", () => {
  const calls = Array.from({ length: 2500 }, (_, i) => [RECV, 7, 100 * i, 5] as const);
  const parts = recorded(...calls.map((call) => [...call] as [number, number, number, number]));
  assertEquals(parts.map(([, start]) => start), [0, 100_000, 200_000]);
  assertEquals(parts.reduce((sum, [, , , , count]) => sum + count!, 0), 2500);
});

Deno.test("Runs forgets a run that has ended", () => {
  const events: TraceEvent[] = [];
  const runs = new Runs((event) => events.push(event), NAMES.length);
  runs.end();
  assertEquals([events.length, runs.repeats(RECV, 7, 0, 5)], [0, false]);
});
