/**
 * gevent's AbstractLinkable: where greenlets wait for what can happen more than once, such
 * as an event that is set, or room in a pool.
 *
 * @module
 */

import { call, type Coroutine, getHub, Waiter } from "./hub.ts";

/** A notification that is scheduled or under way. */
interface Notifier {
  /** Greenlets that came when it had happened already, but others were still to be woken. */
  readonly late: Waiter[];
  started: boolean;
}

/** Greenlets that wait for something; they are woken in the order in which they came. */
export class Links {
  readonly #ready: () => boolean;
  readonly #onlyWhileReady: boolean;
  readonly #waiters: Waiter[] = [];
  #notifier: Notifier | undefined;

  /**
   * No greenlets yet.
   *
   * @param ready Whether it has happened.
   * @param onlyWhileReady Each that is woken may use it up, and then the others go on waiting.
   */
  constructor(ready: () => boolean, { onlyWhileReady = false } = {}) {
    this.#ready = ready;
    this.#onlyWhileReady = onlyWhileReady;
  }

  /** Wakes the greenlets soon, if it has happened. */
  notify(): void {
    if (this.#notifier !== undefined || this.#waiters.length === 0 || !this.#ready()) return;
    const notifier: Notifier = { late: [], started: false };
    this.#notifier = notifier;
    getHub().runCallback(() => {
      if (this.#notifier !== notifier) return; // all that were to be woken have left
      notifier.started = true;
      this.#wake(this.#waiters);
      this.#wake(notifier.late);
      this.#waiters.push(...notifier.late);
      this.#notifier = undefined;
      this.notify();
    });
  }

  /** Wakes those that wait now, but not those that begin to wait meanwhile. */
  #wake(waiters: Waiter[]): void {
    const last = waiters.at(-1);
    while (waiters.length > 0 && (!this.#onlyWhileReady || this.#ready())) {
      const waiter = waiters.shift()!;
      call(waiter.switch, undefined);
      if (waiter === last) return;
    }
  }

  /**
   * Waits until it has happened. If it has already, but earlier greenlets are still to be woken,
   * this one queues up behind them, whatever its time limit is.
   *
   * @returns Whether that was within `timeout` milliseconds.
   */
  *wait(timeout?: number): Coroutine<boolean> {
    if (!this.#ready()) return yield* this.#waitIn(this.#waiters, timeout);
    if (this.#notifier !== undefined) yield* this.#waitIn(this.#notifier.late);
    return true;
  }

  *#waitIn(waiters: Waiter[], timeout?: number): Coroutine<boolean> {
    const waiter = new Waiter();
    waiters.push(waiter);
    let woken = false;
    try {
      return woken = yield* waiter.get(timeout);
    } finally {
      if (!woken) this.#remove(waiter);
    }
  }

  #remove(waiter: Waiter): void {
    removeFrom(this.#waiters, waiter);
    const notifier = this.#notifier;
    if (notifier === undefined) return;
    // As in gevent 22.10: if the last of those that a notification is meant for leaves, it is
    // cancelled, and greenlets that came late are forgotten with it.
    if (this.#waiters.length === 0 && !notifier.started) this.#notifier = undefined;
    else removeFrom(notifier.late, waiter);
  }
}

function removeFrom<Item>(items: Item[], item: Item): void {
  const index = items.indexOf(item);
  if (index !== -1) items.splice(index, 1);
}
