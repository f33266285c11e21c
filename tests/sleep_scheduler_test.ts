/** Lesson 12: coroutines that sleep. Nearly all tests use a clock that only the test moves. */

import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Clock,
  type Coroutine,
  Scheduler,
  sleep,
} from "../lessons/12-sleep-scheduler/scheduler.ts";
import { deno, ROOT } from "./processes.ts";

const MAIN = "lessons/12-sleep-scheduler/main.ts";
const SCHEDULER = import.meta.resolve("../lessons/12-sleep-scheduler/scheduler.ts");

/** Sleeps in no time, and is as strict as `time.sleep` in Python on Linux. */
class FakeClock implements Clock {
  time = 0;
  readonly sleeps: number[] = [];

  now(): number {
    return this.time;
  }

  sleep(milliseconds: number): void {
    if (!(milliseconds >= 0)) throw new RangeError(`cannot sleep for ${milliseconds} ms`);
    this.sleeps.push(milliseconds);
    this.time += milliseconds;
  }
}

type Run = (coroutines: Coroutine[], clock: Clock) => void;

function runScheduler(coroutines: Coroutine[], clock: Clock) {
  const scheduler = new Scheduler(clock);
  coroutines.forEach((coroutine, i) => scheduler.start(coroutine, `coroutine ${i}`));
  assertEquals(scheduler.run(), []);
}

/** A coroutine that logs when it wakes up. */
function* sleeper(log: string[], clock: Clock, name: string, ...naps: number[]): Coroutine {
  for (const nap of naps) {
    yield* sleep(nap);
    log.push(`${clock.now()} ${name}`);
  }
}

function logOf(run: Run, naps: Record<string, number[]>): string[] {
  const [log, clock] = [[] as string[], new FakeClock()];
  run(Object.entries(naps).map(([name, naps]) => sleeper(log, clock, name, ...naps)), clock);
  return log;
}

/** Three mistakes that are easy to make, each with a check that finds it. */
const checks = {
  "run() never sleeps for a negative time, even if a coroutine is late"(run: Run) {
    const [log, clock] = [[] as string[], new FakeClock()];
    function* computing(): Coroutine {
      clock.time += 300;
      yield* sleep(0);
    }
    run([sleeper(log, clock, "a", 100, 100), sleeper(log, clock, "b", 200), computing()], clock);
    assertEquals(log, ["300 a", "300 b", "400 a"]);
  },
  "run() loses neither of two coroutines with the same wake-up time"(run: Run) {
    assertEquals(logOf(run, { a: [100], b: [100] }), ["100 a", "100 b"]);
  },
  "run() queues a coroutine again after every yield, not just the first"(run: Run) {
    const log = logOf(run, { a: [100, 100, 100], b: [150] });
    assertEquals(log, ["100 a", "150 b", "200 a", "300 a"]);
  },
};
const [NEGATIVE, LOST, FIRST_ONLY] = Object.keys(checks);

/** The simplest possible scheduler, with one of the mistakes or with none. */
function schedulerWith(mistake?: string): Run {
  return (coroutines, clock) => {
    let sleepers: { time: number; coroutine: Coroutine }[] = [];
    function resume(coroutine: Coroutine) {
      const { done, value } = coroutine.next();
      if (done) return;
      const time = clock.now() + value.milliseconds;
      // As a dictionary would, whose keys are times:
      if (mistake === LOST) sleepers = sleepers.filter((sleeper) => sleeper.time !== time);
      sleepers.push({ time, coroutine });
    }
    coroutines.forEach(resume);
    while (sleepers.length > 0) {
      sleepers.sort((a, b) => a.time - b.time);
      const { time, coroutine } = sleepers.shift()!;
      const early = time - clock.now();
      if (early > 0 || mistake === NEGATIVE) clock.sleep(early);
      if (mistake === FIRST_ONLY) coroutine.next();
      else resume(coroutine);
    }
  };
}

for (const [name, check] of Object.entries(checks)) {
  Deno.test(`12 sleep-scheduler: ${name}`, () => {
    check(runScheduler);
    check(schedulerWith()); // so the check finds the mistake, and nothing else
    assertThrows(() => check(schedulerWith(name)), Error);
  });
}

Deno.test("12 sleep-scheduler: two coroutines of 8 s end after 8 s, not 16 (S13)", () => {
  assertEquals(logOf(runScheduler, { a: [8000], b: [8000] }), ["8000 a", "8000 b"]);
});

Deno.test("12 sleep-scheduler: run() resumes coroutines by wake-up time, not by start", () => {
  assertEquals(logOf(runScheduler, { a: [300], b: [100, 100], c: [250] }), [
    "100 b",
    "200 b",
    "250 c",
    "300 a",
  ]);
});

Deno.test("12 sleep-scheduler: coroutines begin in the order in which they were started", () => {
  const log = logOf(runScheduler, { a: [0, 0, 0], b: [0, 0, 0], c: [0, 0, 0] });
  assertEquals(log.join(), "0 a,0 b,0 c,0 a,0 b,0 c,0 a,0 b,0 c");
});

Deno.test("12 sleep-scheduler: a negative sleep counts as 0, and the others go first", () => {
  assertEquals(logOf(runScheduler, { a: [-100, -100], b: [0, 0] }), ["0 a", "0 b", "0 a", "0 b"]);
});

Deno.test("12 sleep-scheduler: sleep(0) in an endless loop does not starve the others", () => {
  const clock = new FakeClock();
  const scheduler = new Scheduler(clock);
  let done = false;
  let turns = 0;
  function* busy(): Coroutine {
    while (!done && turns < 1000) {
      turns++;
      clock.time += 1;
      yield* sleep(0);
    }
  }
  function* patient(): Coroutine {
    yield* sleep(10);
    done = true;
  }
  scheduler.start(busy(), "busy");
  scheduler.start(patient(), "patient");
  scheduler.run();
  assertLess(turns, 20);
});

Deno.test("12 sleep-scheduler: the thread sleeps until the next coroutine is due", () => {
  const clock = new FakeClock();
  runScheduler([sleeper([], clock, "a", 300), sleeper([], clock, "b", 100, 200)], clock);
  assertEquals(clock.sleeps, [100, 200]);
});

Deno.test("12 sleep-scheduler: run() sleeps again if the clock wakes the thread too early", () => {
  class HastyClock extends FakeClock {
    override sleep(milliseconds: number): void {
      super.sleep(Math.max(1, milliseconds / 2));
    }
  }
  const [log, clock] = [[] as string[], new HastyClock()];
  runScheduler([sleeper(log, clock, "a", 64)], clock);
  assertEquals(log, ["64 a"]);
});

Deno.test("12 sleep-scheduler: 10,000 coroutines end on time and in order", () => {
  const clock = new FakeClock();
  const log: string[] = [];
  const naps = Array.from({ length: 10_000 }, (_, i) => [(i * 7919) % 1000, (i * 104_729) % 1000]);
  runScheduler(naps.map((naps, i) => sleeper(log, clock, String(i), ...naps)), clock);

  const expected: { time: number; arrival: number; name: string }[] = [];
  // Those with the same time go in the order in which they fell asleep: the second sleeps of a
  // moment begin in the order in which the first ones ended.
  const first = naps.map(([nap], i) => ({ time: nap, arrival: i, name: String(i) }));
  first.sort((a, b) => a.time - b.time || a.arrival - b.arrival);
  first.forEach(({ time, name }, i) => {
    const arrival = naps.length + i;
    expected.push({ time: time + naps[Number(name)][1], arrival, name });
  });
  expected.push(...first);
  expected.sort((a, b) => a.time - b.time || a.arrival - b.arrival);
  assertEquals(log.length, 20_000);
  assertEquals(log, expected.map(({ time, name }) => `${time} ${name}`));
});

Deno.test("12 sleep-scheduler: 10,000 coroutines sleep on the real clock, on one thread", () => {
  const scheduler = new Scheduler();
  const naps = [150, 50, 100];
  const ends = new Map(naps.map((nap) => [nap, [] as number[]]));
  const early: number[] = [];
  function* napping(number: number, nap: number): Coroutine {
    const start = performance.now();
    yield* sleep(nap);
    if (performance.now() - start < nap - 0.1) early.push(number);
    ends.get(nap)!.push(number);
  }
  const numbers = Array.from({ length: 10_000 }, (_, i) => i);
  for (const i of numbers) scheduler.start(napping(i, naps[i % 3]), String(i));
  const start = performance.now();
  assertEquals(scheduler.run(), []);
  // One after another, they would have slept for 1,000 s.
  assertLess(performance.now() - start, 10_000);
  assertEquals(early, []);
  for (const [i, nap] of naps.entries()) {
    assertEquals(ends.get(nap), numbers.filter((number) => number % 3 === i));
  }
});

Deno.test("12 sleep-scheduler: a coroutine can start others, after those that are due", () => {
  const [log, clock] = [[] as string[], new FakeClock()];
  const scheduler = new Scheduler(clock);
  function* parent(): Coroutine {
    yield* sleep(100);
    scheduler.start(child(), "child");
    yield* sleep(100);
    log.push(`${clock.now()} parent`);
  }
  function* child(): Coroutine {
    log.push(`${clock.now()} child`);
    yield* sleep(50);
    log.push(`${clock.now()} child`);
  }
  scheduler.start(parent(), "parent");
  scheduler.start(sleeper(log, clock, "other", 100), "other");
  assertEquals(scheduler.run(), []);
  assertEquals(log, ["100 other", "100 child", "150 child", "200 parent"]);
});

Deno.test("12 sleep-scheduler: a coroutine gets the result of another through yield*", () => {
  const log: string[] = [];
  function* answer(): Coroutine<number> {
    yield* sleep(100);
    return 42;
  }
  function* asking(): Coroutine {
    log.push(String(yield* answer()));
  }
  runScheduler([asking()], new FakeClock());
  assertEquals(log, ["42"]);
});

/** Runs coroutines, some of which fail, and also returns what was reported. */
function failuresOf(start: (scheduler: Scheduler, clock: FakeClock) => void) {
  const reports: string[] = [];
  const clock = new FakeClock();
  const scheduler = new Scheduler(clock);
  const { error } = console;
  console.error = (...data: unknown[]) => void reports.push(data.join(" "));
  try {
    start(scheduler, clock);
    return { failures: scheduler.run(), reports };
  } finally {
    console.error = error;
  }
}

Deno.test("12 sleep-scheduler: run() returns an exception that ended a coroutine", () => {
  const log: string[] = [];
  const error = new Error("no luck");
  function* failing(): Coroutine {
    try {
      yield* sleep(150);
      throw error;
    } finally {
      log.push("finally");
    }
  }
  const { failures, reports } = failuresOf((scheduler, clock) => {
    scheduler.start(sleeper(log, clock, "a", 100, 100), "a");
    scheduler.start(failing(), "b");
    scheduler.start(sleeper(log, clock, "c", 300), "c");
  });
  assertEquals(log, ["100 a", "finally", "200 a", "300 c"]);
  assertEquals(failures, [{ name: "b", error }]);
  assertEquals(reports, ["b failed: Error: no luck"]);
});

Deno.test("12 sleep-scheduler: the report of an exception goes to stderr", async () => {
  const { code, stdout, stderr } = await deno([
    "eval",
    `import { Scheduler } from "${SCHEDULER}";
     const scheduler = new Scheduler();
     scheduler.start((function* () { throw new Error("no luck"); })(), "gamma");
     console.log(scheduler.run().length);`,
  ]);
  assertEquals([code, stdout], [0, "1\n"]);
  assertMatch(stderr, /^gamma failed: Error: no luck\n +at /);
});

Deno.test("12 sleep-scheduler: run() reports what is not a sleep, and its usual cause", () => {
  const { failures, reports } = failuresOf((scheduler) => {
    function* forgetful(): Coroutine {
      // @ts-expect-error -- the types catch it, too, but `deno run` does not check them
      // deno-lint-ignore delegation/yield-star
      yield sleep(100);
    }
    function* strange(): Coroutine {
      yield* sleep(NaN);
    }
    scheduler.start(forgetful(), "forgetful");
    scheduler.start(strange(), "strange");
  });
  assertEquals(failures.map(({ name }) => name), ["forgetful", "strange"]);
  for (const { error } of failures) assertInstanceOf(error, TypeError);
  assertStringIncludes(reports[0], "is not a sleep: is a star missing in yield*?");
});

Deno.test("12 sleep-scheduler: the real clock stops the thread, and uses no CPU time", async () => {
  // In a process of its own: the CPU time of this one is that of other tests, too.
  const { stdout, stderr } = await deno([
    "eval",
    `import process from "node:process";
     import { monotonicClock } from "${SCHEDULER}";
     const [start, before] = [monotonicClock.now(), process.cpuUsage()];
     monotonicClock.sleep(400);
     const { user, system } = process.cpuUsage(before); // microseconds, of all threads
     console.log(JSON.stringify([monotonicClock.now() - start, (user + system) / 1000]));`,
  ]);
  assertEquals(stderr, "");
  const [elapsed, cpu] = JSON.parse(stdout);
  assertGreater(elapsed, 399.9);
  assertLess(cpu, elapsed / 2);
});

Deno.test("12 sleep-scheduler: the program shows two sleeps at the same time", async () => {
  const { code, stdout, stderr } = await deno(["run", "--no-prompt", MAIN, "--seconds", "1"]);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.map((line) => line.replace(/^\d.\d\d s {2}|(?<=within )\d.\d\d(?= s)/g, "")), [
    "coroutine 1 begins",
    "coroutine 2 begins",
    "coroutine 2 has slept 1 of 2 times",
    "coroutine 1 has slept 1 of 1 times",
    "coroutine 2 has slept 2 of 2 times",
    "they slept for 2 s in all, within  s, on one thread",
  ]);
  const times = lines.slice(0, 5).map(parseFloat);
  assertEquals(times, times.toSorted((a, b) => a - b));
  assertGreater(times[3], 0.99);
});

Deno.test("12 sleep-scheduler: five coroutines sleep for 1 s together, at no cost", async () => {
  const runner = ["run", "-A", "shared/tools/lesson/main.ts", "12"];
  const { code, stdout } = await deno([...runner, "--coroutines", "5", "--seconds", "1"]);
  assertEquals(code, 0);
  const [, wall] = /they slept for 5 s in all, within ([\d.]+) s/.exec(stdout)!;
  assertLess(Number(wall), 4);
  if (Deno.build.os !== "linux") return; // the costs are read from /proc
  const [, cpu] = /What it cost\n.*\n {2}CPU time +([\d.]+) s/.exec(stdout)!;
  assertLess(Number(cpu), Number(wall) / 2);
});

Deno.test("12 sleep-scheduler: a wrong option is one line and exit code 2", async () => {
  const { code, stdout, stderr } = await deno(["run", "--no-prompt", MAIN, "--seconds", "soon"]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^--seconds takes a whole number from 0 to 3600, not "soon"[^\n]*\n$/);
});

Deno.test("12 sleep-scheduler: Ctrl-C ends the program while its thread sleeps", async () => {
  const program = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", MAIN, "--seconds", "60"],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = program.stdout.getReader();
  await reader.read(); // it has begun
  program.kill("SIGINT");
  assertEquals((await program.status).signal, "SIGINT");
  while (!(await reader.read()).done);
});
