/**
 * gevent.pool: greenlets of which no more than so many run at the same time.
 *
 * @module
 */

import { Event } from "./event.ts";
import { getHub, Greenlet, killAll, type Run, Waiter, type Waiting } from "./greenlet.ts";

/** gevent.pool.Pool: a group with a limit. */
export class Pool {
  readonly #members = new Set<Greenlet>();
  readonly #spawners = new Set<Waiter>();
  readonly #empty = new Event();
  #scheduled = false;

  /** A pool for `size` greenlets at a time. */
  constructor(readonly size: number) {
    this.#empty.set();
  }

  /** How many are in it. */
  get length(): number {
    return this.#members.size;
  }

  /** How many more could be. */
  freeCount(): number {
    return this.size - this.#members.size;
  }

  /** Whether `spawn` would have to wait. */
  full(): boolean {
    return this.freeCount() <= 0;
  }

  /** Spawns a greenlet, if need be after waiting until one of the others has ended. */
  *spawn<Args extends unknown[], Result>(
    run: Run<Args, Result>,
    ...args: Args
  ): Waiting<Greenlet<Result>> {
    if (this.full()) {
      const waiter = new Waiter();
      this.#spawners.add(waiter);
      try {
        yield* waiter.get();
      } finally {
        this.#spawners.delete(waiter);
      }
    }
    const greenlet = new Greenlet<Result>(run, ...args);
    this.#members.add(greenlet as Greenlet);
    this.#empty.clear();
    greenlet.rawlink((greenlet) => this.#discard(greenlet));
    greenlet.start();
    return greenlet;
  }

  #discard(greenlet: Greenlet): void {
    this.#members.delete(greenlet);
    if (this.#members.size === 0) this.#empty.set();
    if (this.#scheduled || this.#spawners.size === 0) return;
    this.#scheduled = true;
    getHub().runCallback(() => {
      this.#scheduled = false;
      for (const waiter of this.#spawners) {
        if (this.full()) break;
        this.#spawners.delete(waiter);
        waiter.switch();
      }
    });
  }

  /** Calls `run` with each of the items, and returns the results in the order of the items. */
  *map<Item, Result>(run: Run<[Item], Result>, items: Iterable<Item>): Waiting<Result[]> {
    const greenlets: Greenlet<Result>[] = [];
    for (const item of items) greenlets.push(yield* this.spawn(run, item));
    const results: Result[] = [];
    for (const greenlet of greenlets) results.push((yield* greenlet.get()) as Result);
    return results;
  }

  /** Waits until it is empty, and returns whether that was within `timeout` milliseconds. */
  join(timeout?: number): Waiting<boolean> {
    return this.#empty.wait(timeout);
  }

  /** Kills all that are in it. */
  kill(timeout?: number): Waiting {
    return killAll(this.#members, timeout);
  }
}
