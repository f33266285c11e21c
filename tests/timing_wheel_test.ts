/** `shared/timing_wheel.ts`. */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { TimingWheel, type WheelTimer } from "../shared/timing_wheel.ts";
import { pseudoRandom } from "../shared/tools/check/clients.ts";

Deno.test("a timer is due with the first tick at or after its time", () => {
  const wheel = new TimingWheel<string>(10);
  for (const time of [1, 9.5, 10, 10.5, 20]) wheel.add(time, String(time));
  assertEquals(wheel.takeDue(9.9), []);
  assertEquals(wheel.takeDue(10).sort(), ["1", "10", "9.5"]);
  assertEquals(wheel.takeDue(19.9), []);
  assertEquals(wheel.takeDue(25).sort(), ["10.5", "20"]);
  assertEquals(wheel.size, 0);
});

Deno.test("a time that has passed is due with the next tick, and Infinity never", () => {
  const wheel = new TimingWheel<string>(10);
  wheel.takeDue(1000);
  wheel.add(500, "late");
  const never = wheel.add(Infinity, "never");
  assertEquals(wheel.size, 1);
  assertEquals(wheel.takeDue(1009), []);
  assertEquals(wheel.takeDue(1010), ["late"]);
  assertEquals(wheel.takeDue(1e9), []);
  wheel.move(never, 1e9 + 20);
  assertEquals(wheel.takeDue(1e9 + 20), ["never"]);
});

Deno.test("a timer can be deleted twice, and be moved when it has been due or deleted", () => {
  const wheel = new TimingWheel<string>(1);
  const timer = wheel.add(3, "a");
  wheel.delete(timer);
  wheel.delete(timer);
  assertEquals([wheel.size, wheel.takeDue(5)], [0, []]);
  wheel.move(timer, 7);
  wheel.move(timer, 8);
  assertEquals([wheel.size, wheel.takeDue(7), wheel.takeDue(8)], [1, [], ["a"]]);
  wheel.move(timer, 8); // has passed
  assertEquals(wheel.takeDue(9), ["a"]);
  wheel.move(timer, 20);
  wheel.move(timer, Infinity);
  assertEquals([wheel.size, wheel.takeDue(1000)], [0, []]);
});

Deno.test("timers wait for as many turns of the wheel as they have to", () => {
  const wheel = new TimingWheel<number>(1);
  for (let turn = 0; turn < 5; turn++) wheel.add(100 + 512 * turn, turn);
  for (let turn = 0; turn < 5; turn++) {
    assertEquals(wheel.takeDue(99 + 512 * turn), []);
    assertEquals(wheel.takeDue(100 + 512 * turn), [turn]);
  }
});

/** A random program, beside a list of the times; returns how many timers were due in it. */
function runProgram(seed: number): number {
  const random = pseudoRandom(seed);
  const below = (limit: number) => random.next().value % limit;
  const tick = [1, 7, 20, 50][seed % 4];
  const wheel = new TimingWheel<number>(tick);
  const timers: WheelTimer<number>[] = [];
  const times = new Map<number, number>(); // of those that will be due
  let now = 100 * below(10_000);
  let count = 0;
  wheel.takeDue(now);
  for (let step = 0; step < 2000; step++) {
    const [action, some] = [below(10), below(timers.length + 1)];
    const time = below(10) === 0 ? Infinity : now + below(below(20) === 0 ? 30_000 : 300) / 3;
    if (action < 4 || some === timers.length) {
      times.set(timers.length, time);
      timers.push(wheel.add(time, timers.length));
    } else if (action < 7) {
      times.set(some, time);
      wheel.move(timers[some], time);
    } else if (action === 7) {
      times.delete(some);
      wheel.delete(timers[some]);
    } else {
      const before = now;
      now += below(below(100) === 0 ? 30_000 : 3 * tick);
      const due = wheel.takeDue(now);
      count += due.length;
      for (const item of due) {
        assert(times.get(item)! <= now, `${item} is early, or was due before`);
        times.delete(item);
      }
      // When the last tick began, none of the other times had come.
      const begun = Math.floor(now / tick) * tick;
      for (const [item, time] of begun > before ? times : []) {
        assert(time > begun, `${item} is late`);
      }
    }
    for (const [item, time] of times) if (time === Infinity) times.delete(item);
    assertEquals(wheel.size, times.size);
  }
  const last = wheel.takeDue(now + 1e6);
  assertEquals(last.sort(), [...times.keys()].sort());
  return count + last.length;
}

Deno.test("in random programs no timer is early, none a tick late, and none is lost", () => {
  let count = 0;
  for (let seed = 1; seed <= 40; seed++) count += runProgram(seed);
  assertGreater(count, 10_000); // or the programs would try nothing
});

Deno.test("moving one of 50,000 timers is no more work than moving one of 500", () => {
  function timeOf(count: number): number {
    const wheel = new TimingWheel<number>(20);
    const timers = Array.from({ length: count }, (_, i) => wheel.add(i % 60_000, i));
    const times = Array.from({ length: 7 }, () => {
      const start = performance.now();
      for (let i = 0; i < 20_000; i++) wheel.move(timers[i * 7919 % count], i * 31 % 60_000);
      return performance.now() - start;
    });
    return Math.min(...times);
  }
  timeOf(500); // compiles it
  const [few, many] = [timeOf(500), timeOf(50_000)];
  assertLess(many, 20 * few); // a list would take 100 times as long
});
