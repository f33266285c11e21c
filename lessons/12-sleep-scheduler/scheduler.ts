/**
 * A scheduler of coroutines that sleep: it resumes whoever has to wake up first, on one thread.
 *
 * @module
 */

import { type Timer, Timers } from "../../shared/timers.ts";
import { onCoroutine } from "../../shared/trace/coroutines.ts";

/** A function that can sleep. What it yields is for how long, in milliseconds. */
export type Coroutine<Result = void> = Generator<number, Result, void>;

/** Gives way for some milliseconds. This is the one place where a coroutine yields. */
export function* sleep(milliseconds: number): Coroutine {
  yield milliseconds;
}

/** Where the time comes from, and how it is spent. */
export interface Clock {
  /** Milliseconds since some moment; never set back. */
  now(): number;
  /** Sleeps for so many milliseconds, and the thread with it. */
  sleep(milliseconds: number): void;
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** The clock of the machine. */
export const machine: Clock = {
  now: () => performance.now(),
  // Waits until somebody else changes a number that nobody knows: until the time is up.
  sleep: (milliseconds) => void Atomics.wait(nobody, 0, 0, milliseconds),
};

/** A coroutine that was started. */
interface Started {
  id: number;
  name: string;
  coroutine: Coroutine<unknown>;
}

/** Runs coroutines, one after another, each until it sleeps. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #timers = new Timers<Started>();
  #started = 0;
  #failed = 0;

  /** A scheduler without anything to do. */
  constructor(clock: Clock = machine) {
    this.#clock = clock;
  }

  /** Starts a coroutine: it runs as soon as all those have run that are due already. */
  start(coroutine: Coroutine<unknown>, name = `coroutine ${this.#started + 1}`): void {
    const started = { id: ++this.#started, name, coroutine };
    onCoroutine?.("created", started.id, name);
    this.#timers.add(this.#clock.now(), started);
  }

  /**
   * Runs until no coroutine is left. An error ends the coroutine that has thrown it, and is told on
   * stderr; the others go on.
   *
   * @returns How many coroutines have failed.
   */
  run(): number {
    for (let next; (next = this.#timers.next) !== undefined;) {
      this.#sleepUntil(next);
      const due = this.#timers.takeDue(this.#clock.now());
      if (due !== undefined) this.#resume(due.item);
    }
    return this.#failed;
  }

  #sleepUntil({ time }: Timer<Started>): void {
    const early = time - this.#clock.now();
    if (early > 0) this.#clock.sleep(early); // what is late is not slept for at all
  }

  #resume(started: Started): void {
    const { id, name, coroutine } = started;
    onCoroutine?.("running", id, name);
    try {
      const { done, value } = coroutine.next();
      // Each time that it yields, it is put in line again.
      if (!done) this.#timers.add(this.#clock.now() + value, started);
      onCoroutine?.(done ? "ended" : "suspended", id, name);
    } catch (error) {
      onCoroutine?.("ended", id, name);
      this.#failed++;
      console.error(`${name} has failed:`, error);
    }
  }
}
