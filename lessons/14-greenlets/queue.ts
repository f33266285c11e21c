/**
 * gevent.queue: how greenlets hand things to each other, and wait for each other to do so.
 *
 * @module
 */

import { type Coroutine, getHub, Waiter } from "./hub.ts";

/** gevent.queue.Empty: there was nothing to get in time. */
export class Empty extends Error {
  /** The class's name, for messages. */
  override readonly name = "Empty";
}

/** gevent.queue.Full: there was no room to put something in time. */
export class Full extends Error {
  /** The class's name, for messages. */
  override readonly name = "Full";
}

/** gevent.queue.Queue: first in, first out; `get` waits while it is empty, `put` while full. */
export class Queue<Item> {
  readonly #items: Item[] = [];
  readonly #getters = new Set<Waiter>();
  readonly #putters = new Map<Waiter, Item>();
  #scheduled = false;

  /** How many items it has room for. */
  readonly maxsize: number;

  /** A queue with room for `maxsize` items; 0 or less means any number, like no `maxsize`. */
  constructor(maxsize = Infinity) {
    this.maxsize = maxsize > 0 ? maxsize : Infinity;
  }

  /** How many items there are. */
  qsize(): number {
    return this.#items.length;
  }

  /** Whether there is none. */
  empty(): boolean {
    return this.#items.length === 0;
  }

  /** Whether there is no room. */
  full(): boolean {
    return this.#items.length >= this.maxsize;
  }

  /**
   * Puts an item in, after waiting for room if there is none.
   *
   * @throws {Full} if there is none within `timeout` milliseconds.
   */
  *put(item: Item, timeout?: number): Coroutine {
    if (!this.full()) return this.putNowait(item);
    const waiter = new Waiter();
    this.#putters.set(waiter, item);
    try {
      if (this.#getters.size > 0) this.#schedule();
      if (!(yield* waiter.get(timeout))) throw new Full();
    } finally {
      this.#putters.delete(waiter);
    }
  }

  /** Puts an item in; throws {@linkcode Full} if there is no room. */
  putNowait(item: Item): void {
    if (this.full()) throw new Full();
    this.#items.push(item);
    if (this.#getters.size > 0) this.#schedule();
  }

  /**
   * Takes the first item out, after waiting for one if there is none.
   *
   * @throws {Empty} if there is none within `timeout` milliseconds.
   */
  *get(timeout?: number): Coroutine<Item> {
    if (!this.empty()) return this.getNowait();
    const waiter = new Waiter();
    this.#getters.add(waiter);
    try {
      if (this.#putters.size > 0) this.#schedule();
      if (!(yield* waiter.get(timeout))) throw new Empty();
    } finally {
      this.#getters.delete(waiter);
    }
    return this.#items.shift()!;
  }

  /** Takes the first item out; throws {@linkcode Empty} if there is none. */
  getNowait(): Item {
    if (this.empty()) throw new Empty();
    if (this.#putters.size > 0) this.#schedule();
    return this.#items.shift()!;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    getHub().runCallback(() => this.#unlock());
  }

  /** Resumes greenlets that can go on: one that waits to put and one that waits to get, in turn. */
  #unlock(): void {
    for (let again = true; again;) {
      again = false;
      const [putter] = this.#putters;
      if (putter !== undefined && !this.full()) {
        const [waiter, item] = putter;
        this.#putters.delete(waiter);
        this.#items.push(item);
        waiter.switch();
        again = true;
      }
      const [getter] = this.#getters;
      if (getter !== undefined && !this.empty()) {
        this.#getters.delete(getter);
        getter.switch();
        again = true;
      }
    }
    this.#scheduled = false;
  }
}
