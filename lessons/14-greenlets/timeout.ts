/**
 * gevent.timeout: a time limit for whatever a greenlet does.
 *
 * @module
 */

import type { Timer } from "../../shared/timers.ts";
import { after, currentGreenlet, getHub } from "./hub.ts";

/**
 * gevent.Timeout: is thrown where the current greenlet waits when its time is up. It begins with
 * its construction; `using` ends it with its block. To catch one's own, compare it: it may be that
 * of a caller.
 */
export class Timeout extends Error implements Disposable {
  /** The class's name, for messages. */
  override readonly name = "Timeout";
  #timer: Timer<() => void> | undefined;

  /** Begins; without `milliseconds`, it never ends. */
  constructor(readonly milliseconds?: number) {
    super(`${milliseconds} ms`);
    this.start();
  }

  /** Begins once more, after it was cancelled or thrown. */
  start(): void {
    this.cancel();
    if (this.milliseconds === undefined) return;
    const greenlet = currentGreenlet();
    this.#timer = after(this.milliseconds, () => {
      this.#timer = undefined;
      greenlet.throw(this);
    });
  }

  /** Whether it will still be thrown. */
  get pending(): boolean {
    return this.#timer !== undefined;
  }

  /** Stops it, so that it is not thrown any more. */
  cancel(): void {
    if (this.#timer !== undefined) getHub().timers.delete(this.#timer);
    this.#timer = undefined;
  }

  /** Cancels it. */
  [Symbol.dispose](): void {
    this.cancel();
  }
}
