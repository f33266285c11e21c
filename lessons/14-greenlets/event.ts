/**
 * gevent.event: something that happens once, and everybody who waits for it goes on.
 *
 * @module
 */

import { Links, type Waiting } from "./greenlet.ts";

/** gevent.event.Event: a flag, whose raising can be waited for. */
export class Event {
  readonly #links = new Links<Event>(this);
  #set = false;

  /** Whether it is set. */
  isSet(): boolean {
    return this.#set;
  }

  /** Sets it, and wakes all who wait, in the order in which they came. */
  set(): void {
    this.#set = true;
    this.#links.notify();
  }

  /** Sets it back. Those who were waiting when it was set are woken all the same. */
  clear(): void {
    this.#set = false;
  }

  /** Waits until it is set, and returns whether that was within `timeout` milliseconds. */
  *wait(timeout?: number): Waiting<boolean> {
    return this.#set || (yield* this.#links.wait(timeout));
  }
}
