/** `shared/timers.ts`. */

import { assert, assertEquals } from "@std/assert";
import { type Timer, Timers } from "../shared/timers.ts";

/** Takes out all that are due, in the order in which they come. */
function drain<Item>(timers: Timers<Item>, now = Infinity): Item[] {
  const items: Item[] = [];
  for (let timer; (timer = timers.takeDue(now)) !== undefined;) items.push(timer.item);
  return items;
}

Deno.test("timers come out in the order of their times, and then of their arrival", () => {
  const timers = new Timers<string>();
  for (const [time, item] of [[3, "d"], [1, "a"], [3, "e"], [2, "c"], [1, "b"]] as const) {
    timers.add(time, item);
  }
  assertEquals(timers.next?.item, "a");
  assertEquals(drain(timers, 2), ["a", "b", "c"]);
  assertEquals(timers.next?.item, "d");
  assertEquals(drain(timers), ["d", "e"]);
  assertEquals(timers.next, undefined);
});

Deno.test("a deleted timer does not come out, and can be deleted again", () => {
  const timers = new Timers<number>();
  const all = Array.from({ length: 10 }, (_, i) => timers.add(i % 3, i));
  for (const timer of [all[0], all[9], all[4], all[0]]) timers.delete(timer);
  assertEquals(drain(timers), [3, 6, 1, 7, 2, 5, 8]);
  timers.delete(all[1]);
  assertEquals(timers.next, undefined);
});

Deno.test("10,000 timers, a third of them deleted, come out like a sorted list", () => {
  const timers = new Timers<number>();
  let seed = 1;
  const random = () => seed = seed * 48271 % 0x7fffffff;
  const kept: Timer<number>[] = [];
  for (let i = 0; i < 10_000; i++) {
    const timer = timers.add(random() % 1000, i);
    if (random() % 3 === 0) {
      const [victim] = kept.splice(random() % (kept.length + 1), 1, timer);
      if (victim !== undefined) timers.delete(victim);
    } else kept.push(timer);
  }
  assert(kept.length < 8000);
  const sorted = kept.toSorted((a, b) => a.time - b.time || a.item - b.item);
  assertEquals(drain(timers), sorted.map(({ item }) => item));
});
