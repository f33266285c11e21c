/**
 * A scheduler for coroutines that sleep: on one thread, it resumes the one that wakes up first.
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import { Timers } from "../../shared/timers.ts";

/** What a coroutine yields to the scheduler: how long it is going to sleep. */
export interface Sleep {
  /** In milliseconds, from now. */
  readonly milliseconds: number;
}

/** A generator that waits by yielding, and returns a `Result`. */
export type Coroutine<Result = void> = Generator<Sleep, Result, void>;

/**
 * Lets a coroutine sleep: `yield* sleep(1000)`. This is the one place where a coroutine yields to
 * the scheduler. Of several that wake up at the same time, the first to fall asleep goes first, so
 * a sleep of 0 lets all others that are due have their turn. The counterpart is `asyncio.sleep`.
 *
 * @param milliseconds How long; a negative number counts as 0.
 */
export function* sleep(milliseconds: number): Coroutine {
  yield { milliseconds: Math.max(0, milliseconds) };
}

/** A clock, and a way to wait for it. */
export interface Clock {
  /** Milliseconds since some moment in the past; they never go backwards. */
  now(): number;
  /** Stops the whole thread. `milliseconds` is more than 0. */
  sleep(milliseconds: number): void;
}

/** The real clock, which cannot be set back, unlike the time of day (`Date.now`). */
export const monotonicClock: Clock = {
  now() {
    return performance.now();
  },
  sleep(milliseconds) {
    // Waits for a change in memory that nothing else can reach, so it always waits until the time
    // is up. Meanwhile the thread is blocked in the kernel and uses no CPU time.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  },
};

/** Every switch is published here, which costs nothing without a subscriber. */
const switches = channel("coroutine");

function publish(state: string, id: number, name: string): void {
  if (switches.hasSubscribers) switches.publish({ state, id, name });
}

/** A coroutine that an exception has ended. */
export interface Failure {
  /** The name with which it was started. */
  readonly name: string;
  /** What it threw. */
  readonly error: unknown;
}

interface Task {
  readonly id: number;
  readonly coroutine: Coroutine<unknown>;
  readonly name: string;
}

/** Runs coroutines, each until its next `yield`, in the order in which they wake up. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #sleepers = new Timers<Task>();
  #started = 0;

  /** Nothing runs before `run`. Tests pass a clock that they can set. */
  constructor(clock: Clock = monotonicClock) {
    this.#clock = clock;
  }

  /**
   * Lets a coroutine begin when its turn comes, after those that were started before it. A running
   * coroutine may start others. The counterpart is `asyncio.create_task`.
   *
   * @param name Its name in the report if it fails.
   */
  start(coroutine: Coroutine<unknown>, name: string): void {
    const id = ++this.#started;
    publish("created", id, name);
    this.#sleepers.add(this.#clock.now(), { id, coroutine, name });
  }

  /**
   * Runs until all coroutines have ended. An exception ends the coroutine that threw it, and no
   * other; it is reported on stderr.
   *
   * @returns The coroutines that an exception has ended, in that order.
   */
  run(): Failure[] {
    const failures: Failure[] = [];
    for (let next = this.#sleepers.next; next !== undefined; next = this.#sleepers.next) {
      const early = next.time - this.#clock.now();
      // It is negative if another coroutine has computed for too long. No sleep is shorter than 0,
      // so a coroutine that is late is resumed at once.
      if (early > 0) {
        this.#clock.sleep(early);
        continue; // and look at the clock again
      }
      this.#sleepers.delete(next);
      const { id, coroutine, name } = next.item;
      publish("running", id, name);
      try {
        const { done, value } = coroutine.next();
        publish(done ? "ended" : "suspended", id, name);
        if (done) continue;
        const time = this.#clock.now() + value.milliseconds;
        if (Number.isNaN(time)) {
          throw new TypeError(
            `${Deno.inspect(value)} is not a sleep: is a star missing in yield*?`,
          );
        }
        this.#sleepers.add(time, next.item); // again after every `yield`, not just the first
      } catch (error) {
        publish("ended", id, name);
        console.error(`${name} failed:`, error);
        failures.push({ name, error });
      }
    }
    return failures;
  }
}
