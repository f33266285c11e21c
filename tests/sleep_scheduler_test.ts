/** Lesson 12, and the three faults that the programs it is modelled on are known for. */

import { assertEquals, assertGreater, assertLess, assertMatch, assertThrows } from "@std/assert";
import {
  type Clock,
  type Coroutine,
  Scheduler,
  sleep,
} from "../lessons/12-sleep-scheduler/scheduler.ts";
import { deno } from "./processes.ts";

/** A clock that is set forward by whoever sleeps. */
class FakeClock implements Clock {
  time = 0;

  now(): number {
    return this.time;
  }

  sleep(milliseconds: number): void {
    if (milliseconds < 0) throw new RangeError("sleep length must be non-negative");
    this.time += milliseconds;
  }
}

/** Runs coroutines; gets them by name. */
type Run = (clock: FakeClock, coroutines: Record<string, Coroutine>) => void;

function ours(clock: FakeClock, coroutines: Record<string, Coroutine>) {
  const scheduler = new Scheduler(clock);
  for (const [name, coroutine] of Object.entries(coroutines)) scheduler.start(coroutine, name);
  scheduler.run();
}

/** Two that sleep at once, for as long as a third one computes. */
function late(run: Run): string[] {
  const clock = new FakeClock();
  const lines: string[] = [];
  function* nap(name: string): Coroutine {
    yield* sleep(10);
    lines.push(`${name} ${clock.time}`);
    clock.time += 25; // computes
  }
  run(clock, { a: nap("a"), b: nap("b"), c: nap("c") });
  return lines;
}

Deno.test("12 sleep-scheduler: who wakes late is not slept for with a negative time", () => {
  assertEquals(late(ours), ["a 10", "b 35", "c 60"]);
  assertThrows(() => late(withoutLooking), RangeError);
});

/** Fault 1: it does not look whether the time has passed. */
function withoutLooking(clock: FakeClock, coroutines: Record<string, Coroutine>) {
  const asleep = Object.values(coroutines)
    .map((coroutine) => ({ coroutine, time: clock.now() + coroutine.next().value! }));
  for (const { coroutine, time } of asleep) {
    clock.sleep(time - clock.now());
    coroutine.next();
  }
}

/** Two that wake up in the same moment. */
function together(run: Run): string[] {
  const lines: string[] = [];
  function* nap(name: string): Coroutine {
    yield* sleep(10);
    lines.push(name);
  }
  run(new FakeClock(), { a: nap("a"), b: nap("b") });
  return lines;
}

Deno.test("12 sleep-scheduler: two that wake up at the same time both do, in their order", () => {
  assertEquals(together(ours), ["a", "b"]);
  assertEquals(together(byTime), ["b"]);
});

/** Fault 2: a dictionary with the time as its key. */
function byTime(clock: FakeClock, coroutines: Record<string, Coroutine>) {
  const asleep = new Map<number, Coroutine>();
  for (const coroutine of Object.values(coroutines)) {
    asleep.set(clock.now() + coroutine.next().value!, coroutine);
  }
  for (const [time, coroutine] of asleep) {
    clock.sleep(Math.max(time - clock.now(), 0));
    coroutine.next();
  }
}

/** One that sleeps more than once. */
function again(run: Run): number[] {
  const clock = new FakeClock();
  const times: number[] = [];
  function* nap(): Coroutine {
    for (const time of [10, 20, 30]) {
      yield* sleep(time);
      times.push(clock.time);
    }
  }
  run(clock, { a: nap() });
  return times;
}

Deno.test("12 sleep-scheduler: each new yield puts a coroutine in line again", () => {
  assertEquals(again(ours), [10, 30, 60]);
  assertEquals(again(byTime), [10]); // fault 3: what is yielded after the first time is discarded
});

Deno.test("12 sleep-scheduler: 10,000 coroutines wake on time, in their order", () => {
  const clock = new FakeClock();
  const scheduler = new Scheduler(clock);
  const woken: { number: number; due: number; time: number }[] = [];
  for (let number = 0; number < 10_000; number++) {
    const due = number * 7919 % 500; // each time comes twenty times
    scheduler.start((function* (): Coroutine {
      yield* sleep(due);
      woken.push({ number, due, time: clock.time });
    })());
  }
  assertEquals(scheduler.run(), 0);
  assertEquals(woken.length, 10_000);
  assertEquals(woken.filter(({ due, time }) => due !== time), []);
  assertEquals(woken, woken.toSorted((a, b) => a.due - b.due || a.number - b.number));
});

Deno.test("12 sleep-scheduler: who sleeps for no time lets all others go on once", () => {
  const lines: string[] = [];
  function* turns(name: string): Coroutine {
    for (let i = 0; i < 3; i++) {
      lines.push(name + i);
      yield* sleep(0);
    }
  }
  ours(new FakeClock(), { A: turns("A"), B: turns("B"), C: turns("C") });
  assertEquals(lines.join(" "), "A0 B0 C0 A1 B1 C1 A2 B2 C2");
});

Deno.test("12 sleep-scheduler: an error ends its coroutine alone, told by name", async () => {
  const code = `
    import { Scheduler, sleep } from "./lessons/12-sleep-scheduler/scheduler.ts";
    const scheduler = new Scheduler();
    function* anna() { yield* sleep(1); throw new Error("alas"); }
    function* boris() { yield* sleep(20); console.log("boris goes on"); }
    scheduler.start(anna(), "anna");
    scheduler.start(boris(), "boris");
    console.log(scheduler.run());`;
  const { stdout, stderr } = await deno(["eval", code]);
  assertEquals(stdout, "boris goes on\n1\n");
  assertMatch(stderr, /^anna has failed: Error: alas\n/);
});

Deno.test("12 sleep-scheduler: two naps take the time of one", async () => {
  const start = performance.now();
  const script = "lessons/12-sleep-scheduler/main.ts";
  const { code, stdout } = await deno(["run", "--no-prompt", script, "--time", "1000"]);
  const wall = performance.now() - start;
  assertEquals(code, 0);
  assertEquals(stdout.replaceAll(/^\d\.\d s {2}/gm, "").trimEnd().split("\n"), [
    "coroutine 1 lies down",
    "coroutine 2 lies down",
    "coroutine 1 turns over",
    "coroutine 2 turns over",
    "coroutine 1 gets up",
    "coroutine 2 gets up",
    "all are done, of which 1 failed",
  ]);
  assertGreater(wall, 1000);
  assertLess(wall, 1900); // one after another, it would be 2,000 and more
});
