/**
 * gevent.event: a flag that greenlets can wait for.
 *
 * @module
 */

import type { Coroutine } from "./hub.ts";
import { Links } from "./links.ts";

/** gevent.event.Event: a flag, whose raising can be waited for. */
export class Event {
  readonly #links = new Links(() => this.#set);
  #set = false;

  /** Whether it is set. */
  isSet(): boolean {
    return this.#set;
  }

  /** Sets it, and wakes the greenlets that wait, in the order in which they came. */
  set(): void {
    this.#set = true;
    this.#links.notify();
  }

  /** Clears it. Greenlets that were waiting when it was set are woken all the same. */
  clear(): void {
    this.#set = false;
  }

  /** Waits until it is set, and returns whether that was within `timeout` milliseconds. */
  wait(timeout?: number): Coroutine<boolean> {
    return this.#links.wait(timeout);
  }
}
