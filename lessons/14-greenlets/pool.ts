/**
 * gevent.pool: greenlets of which no more than so many run at the same time.
 *
 * @module
 */

import { Event } from "./event.ts";
import { Greenlet, joinAll, type Run } from "./greenlet.ts";
import type { Coroutine } from "./hub.ts";
import { Links } from "./links.ts";
import { Timeout } from "./timeout.ts";

/** gevent.pool.Pool: a group with a limit. */
export class Pool {
  readonly #members = new Set<Greenlet>();
  readonly #killed = new Set<Greenlet>();
  readonly #empty = new Event();
  readonly #room = new Links(() => !this.full(), { onlyWhileReady: true });

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
    return Math.max(0, this.size - this.#members.size);
  }

  /** Whether `spawn` would have to wait. */
  full(): boolean {
    return this.freeCount() === 0;
  }

  /** Spawns a greenlet, after waiting until another one has ended if the pool is full. */
  *spawn<Args extends unknown[], Result>(
    run: Run<Args, Result>,
    ...args: Args
  ): Coroutine<Greenlet<Result>> {
    const greenlet = new Greenlet<Result>(run, ...args);
    if (this.full()) yield* this.#room.wait();
    greenlet.rawlink(this.#discard);
    this.#members.add(greenlet as Greenlet);
    this.#empty.clear();
    greenlet.start();
    return greenlet;
  }

  readonly #discard = (greenlet: Greenlet): void => {
    this.#members.delete(greenlet);
    this.#killed.delete(greenlet);
    if (this.#members.size === 0) this.#empty.set();
    this.#room.notify();
  };

  /**
   * Calls `run` with each of the items, and returns the results in the order of the items. gevent
   * spawns them from a greenlet of its own; here it is the caller.
   */
  *map<Item, Result>(run: Run<[Item], Result>, items: Iterable<Item>): Coroutine<Result[]> {
    const greenlets: Greenlet<Result>[] = [];
    for (const item of items) greenlets.push(yield* this.spawn(run, item));
    const results: Result[] = [];
    for (const greenlet of greenlets) results.push((yield* greenlet.get()) as Result);
    return results;
  }

  /** Waits until it is empty, and returns whether that was within `timeout` milliseconds. */
  join(timeout?: number): Coroutine<boolean> {
    return this.#empty.wait(timeout);
  }

  /**
   * Kills all that are in it. Called with `yield*`, it waits for their ends, and kills what is
   * spawned meanwhile as well.
   *
   * @param timeout How long to wait, in milliseconds.
   */
  kill(timeout?: number): Coroutine {
    this.#killMembers();
    return this.#killUntilEmpty(timeout);
  }

  #killMembers(): void {
    for (const greenlet of this.#members) {
      if (!this.#killed.has(greenlet)) greenlet.kill();
      this.#killed.add(greenlet);
    }
  }

  *#killUntilEmpty(timeout?: number): Coroutine {
    using limit = new Timeout(timeout);
    try {
      while (this.#members.size > 0) {
        this.#killMembers();
        yield* joinAll(this.#members);
      }
    } catch (error) {
      if (error !== limit) throw error;
    }
  }
}
