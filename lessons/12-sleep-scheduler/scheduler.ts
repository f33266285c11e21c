/**
 * A scheduler of coroutines that sleep: it resumes whoever wakes up first, on one thread.
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import { Timers } from "../../shared/timers.ts";

/** What a coroutine yields to the scheduler: how long it wants to sleep. */
export interface Sleep {
  /** In milliseconds, from now. */
  readonly milliseconds: number;
}

/** A generator that waits by yielding, and returns a `Result`. */
export type Coroutine<Result = void> = Generator<Sleep, Result, void>;

/**
 * Lets a coroutine sleep: `yield* sleep(1000)`. It is the one place where a coroutine yields to the
 * scheduler. Of those that wake up at the same time, the first to fall asleep goes first; with 0,
 * all others who are due have their turn before it. The counterpart is `asyncio.sleep`.
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

/** The real clock, which nobody can set back, unlike the time of day (`Date.now`). */
export const monotonicClock: Clock = {
  now() {
    return performance.now();
  },
  sleep(milliseconds) {
    // Waits for a change of memory that nobody else sees, so always until the time is up. The
    // thread is blocked in the kernel meanwhile, and uses no CPU time.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  },
};

/** Every switch is published here. Without a listener, it costs nothing. */
const switches = channel("coroutine");

function publish(state: string, id: number, name: string): void {
  if (switches.hasSubscribers) switches.publish({ state, id, name });
}

/** A coroutine that was ended by an exception. */
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

/** Runs coroutines, each until its next `yield`, in the order in which they want to wake up. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #sleepers = new Timers<Task>();
  #started = 0;

  /** Nothing runs before `run`. Tests hand in a clock that they can set. */
  constructor(clock: Clock = monotonicClock) {
    this.#clock = clock;
  }

  /**
   * Lets a coroutine begin as soon as it is its turn, behind those that were started before it. A
   * coroutine that runs may start others. The counterpart is `asyncio.create_task`.
   *
   * @param name What it is called if it fails.
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
   * @returns Those that were ended by an exception, in that order.
   */
  run(): Failure[] {
    const failures: Failure[] = [];
    for (let next = this.#sleepers.next; next !== undefined; next = this.#sleepers.next) {
      const early = next.time - this.#clock.now();
      // It is negative if another coroutine has computed for too long. Nobody can sleep for less
      // than no time, and whoever is late is resumed at once.
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
          throw new TypeError(`${Deno.inspect(value)} is no sleep; is the star of yield* missing?`);
        }
        this.#sleepers.add(time, next.item); // each `yield` anew, not just the first
      } catch (error) {
        publish("ended", id, name);
        console.error(`${name} failed:`, error);
        failures.push({ name, error });
      }
    }
    return failures;
  }
}
