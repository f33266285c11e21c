/**
 * What the scheduler of lesson 12 has to do.
 *
 * @module
 */

import assert from "node:assert/strict";

/** What the cases use of the module. */
interface Module {
  sleep(milliseconds: number): Generator<unknown, void, void>;
  Scheduler: new (clock?: Clock) => {
    start(coroutine: Generator<unknown, void, void>, name: string): void;
    run(): readonly { name: string; error: unknown }[];
  };
}

interface Clock {
  now(): number;
  sleep(milliseconds: number): void;
}

/** A clock that goes on only while somebody sleeps. */
function fakeClock(): Clock {
  let time = 0;
  return { now: () => time, sleep: (milliseconds) => void (time += milliseconds) };
}

/** Lets coroutines sleep, each for some times in a row, and returns who woke up when. */
function wakeUps({ Scheduler, sleep }: Module, sleepers: Record<string, number[]>): string[] {
  const clock = fakeClock();
  const scheduler = new Scheduler(clock);
  const seen: string[] = [];
  for (const [name, times] of Object.entries(sleepers)) {
    scheduler.start(
      (function* () {
        for (const time of times) {
          yield* sleep(time);
          seen.push(`${name} at ${clock.now()}`);
        }
      })(),
      name,
    );
  }
  scheduler.run();
  return seen;
}

/** The cases, by what a correct scheduler does. */
export const cases = {
  "wakes both of two coroutines that sleep for the same time"(module: Module) {
    const woke = wakeUps(module, { a: [10], b: [10] });
    assert.deepEqual(woke, ["a at 10", "b at 10"], `both should have woken up at 10: ${woke}`);
  },
  "wakes the one that is due first, whichever was started first"(module: Module) {
    const woke = wakeUps(module, { late: [30], early: [10, 5] });
    assert.deepEqual(
      woke,
      ["early at 10", "early at 15", "late at 30"],
      `who woke: ${woke.join() || "nobody"}`,
    );
  },
  "lets another one have its turn, even if a sleep is shorter than 0"(
    { Scheduler, sleep }: Module,
  ) {
    const scheduler = new Scheduler(fakeClock());
    const turns: string[] = [];
    function* turn(name: string, milliseconds: number) {
      for (let i = 0; i < 3; i++) {
        turns.push(name);
        yield* sleep(milliseconds);
      }
    }
    scheduler.start(turn("late", -5), "late");
    scheduler.start(turn("other", 0), "other");
    scheduler.run();
    const wanted = ["late", "other", "late", "other", "late", "other"];
    assert.deepEqual(turns, wanted, `who had a turn: ${turns}`);
  },
  "lets the others go on when one fails"({ Scheduler, sleep }: Module) {
    const scheduler = new Scheduler(fakeClock());
    const seen: string[] = [];
    scheduler.start(
      (function* () {
        yield* sleep(1);
        throw new Error("on purpose");
      })(),
      "failing",
    );
    scheduler.start(
      (function* () {
        yield* sleep(2);
        seen.push("other");
      })(),
      "other",
    );
    const failures = scheduler.run();
    assert.deepEqual(seen, ["other"], "the other one did not go on");
    assert.deepEqual(failures.map(({ name }) => name), ["failing"]);
  },
};
