/**
 * What the timing wheel of lesson 22 has to do.
 *
 * @module
 */

import assert from "node:assert/strict";

/** What the cases use of the module. */
interface Module {
  TimingWheel: new (tick: number) => Wheel;
}

interface Wheel {
  readonly size: number;
  add(time: number, item: number): Timer;
  move(timer: Timer, time: number): void;
  delete(timer: Timer): void;
  takeDue(now: number): number[];
}

type Timer = unknown;

const TICK = 20;
/** Within a tick, at its beginning, and some turns of the wheel later. */
const TIMES = [1, 20, 21, 35, 39, 40, 1005, 10_239, 10_240, 10_241, 30_007, 51_200];

/** Lets a clock go on, and returns when each item was taken out. */
function takeAll(wheel: Wheel, until: number, step: number): Map<number, number> {
  const taken = new Map<number, number>();
  for (let now = 0; now <= until; now += step) {
    for (const item of wheel.takeDue(now)) {
      assert(!taken.has(item), `the timer for ${item} was taken out twice`);
      taken.set(item, now);
    }
  }
  return taken;
}

/** The cases, by what a correct wheel does. */
export const cases = {
  "takes out no timer before its time"({ TimingWheel }: Module) {
    const wheel = new TimingWheel(TICK);
    for (const time of TIMES) wheel.add(time, time);
    for (const [time, now] of takeAll(wheel, 60_000, 1)) {
      assert(now >= time, `the timer for ${time} was taken out at ${now}`);
    }
  },
  "takes out every timer within a tick of its time"({ TimingWheel }: Module) {
    const wheel = new TimingWheel(TICK);
    for (const time of TIMES) wheel.add(time, time);
    const taken = takeAll(wheel, 60_000, 1);
    for (const time of TIMES) {
      const now = taken.get(time) ?? Infinity;
      assert(now < time + TICK, `the timer for ${time} was not taken out before ${time + TICK}`);
    }
    assert.equal(wheel.size, 0, `${wheel.size} timers are left`);
  },
  "takes out all that is due after a long sleep, and leaves the rest"({ TimingWheel }: Module) {
    const wheel = new TimingWheel(TICK);
    for (const time of TIMES) wheel.add(time, time);
    const due = wheel.takeDue(30_020).toSorted((a, b) => a - b);
    assert.deepEqual(due, TIMES.slice(0, -1), `at 30,020 it took out ${due}`);
    const rest = wheel.takeDue(1e9);
    assert.deepEqual(rest, TIMES.slice(-1), `at last it took out ${rest}`);
  },
  "takes out a timer that was moved at its new time, and a deleted one never"(
    { TimingWheel }: Module,
  ) {
    const wheel = new TimingWheel(TICK);
    const [later, earlier, deleted] = [100, 500, 100].map((time, i) => wheel.add(time, i));
    wheel.move(later, 400);
    wheel.move(earlier, 40);
    wheel.delete(deleted);
    const taken = [...takeAll(wheel, 1000, TICK)];
    assert.deepEqual(taken, [[1, 40], [0, 400]], `item and time: ${taken.join(" and ")}`);
  },
  "takes out a timer whose time has passed with the next tick"({ TimingWheel }: Module) {
    const wheel = new TimingWheel(TICK);
    wheel.takeDue(1000);
    wheel.add(500, 500);
    assert.deepEqual(wheel.takeDue(1020), [500], "it was not taken out at 1020");
  },
};
