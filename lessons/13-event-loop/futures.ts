/**
 * Results that are not there yet. A coroutine that waits for one gives way to the loop.
 *
 * @module
 */

import type { Timers } from "../../shared/timers.ts";

/**
 * A function that can wait: `yield*` runs it and gives its result. Unlike Python's coroutines, a
 * generator that has ended does not say so: a second `yield*` gives undefined.
 */
export type Coroutine<Result = void> = Generator<Future<unknown> | undefined, Result, void>;

/** What can be waited for with `yield*`. */
export type Awaitable<Result> = Coroutine<Result> | Future<Result>;

/** Thrown into a coroutine that is cancelled. Counterpart: `asyncio.CancelledError`. */
export class CancelledError extends Error {
  /** The class's name, for messages. */
  override readonly name = "CancelledError";
}

/** The event loop, as futures, tasks and sockets see it. */
export interface Loop {
  /** Timers, and what to call when their time has come. */
  readonly timers: Timers<() => void>;
  /** Tasks that are not done. */
  readonly tasks: Set<Future<unknown>>;
  /** Futures that have failed in this round, and nobody knows it. */
  readonly failed: Set<Future<unknown>>;
  /** Futures that have failed; somebody was notified, but has not asked for the error. */
  readonly unretrieved: Set<Future<unknown>>;
  /** Calls a function in the next round, after those that were scheduled before it. */
  callSoon<Argument>(callback: (argument: Argument) => void, argument: Argument): void;
  /**
   * Waits until a descriptor is ready for EVENT_READ or EVENT_WRITE.
   *
   * @throws {CancelledError} if it is closed meanwhile.
   */
  readiness(fd: number, event: number): Coroutine;
  /** Forgets a descriptor, which must be done before it is closed; cancels waits for it. */
  forget(fd: number): void;
}

let running: Loop | undefined;

/** The loop that runs; throws an Error if none does. */
export function runningLoop(): Loop {
  if (running === undefined) throw new Error("there is no running event loop");
  return running;
}

/** Makes a loop the running one, or none; throws an Error if another one runs. */
export function setRunningLoop(loop: Loop | undefined): void {
  if (loop && running) throw new Error("run() cannot be called from a running event loop");
  running = loop;
}

/** A result that is not there yet; `yield*` waits for it. Counterpart: `asyncio.Future`. */
export class Future<Result = void> {
  /** The loop that it belongs to. */
  readonly loop: Loop = runningLoop();
  /** Whether a coroutine has just yielded it by `yield*`; a mere `yield` is a mistake. */
  awaited = false;
  #state: "pending" | "finished" | "failed" | "cancelled" = "pending";
  #result: Result | undefined;
  #error: unknown;
  #callbacks: ((future: never) => void)[] = [];

  /** Waits until it is done; gives its result or throws its error. */
  *[Symbol.iterator](): Coroutine<Result> {
    // Where a coroutine gives way to the loop. If it is done already, the coroutine just goes on.
    while (!this.done()) {
      this.awaited = true;
      yield this as Future<unknown>;
    }
    return this.result();
  }

  /** Whether it has a result, has failed or was cancelled. */
  done(): boolean {
    return this.#state !== "pending";
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /**
   * Its result.
   *
   * @throws What it failed with; a CancelledError if it was cancelled; an Error if it is not done.
   */
  result(): Result {
    if (this.#state === "finished") return this.#result as Result;
    throw this.exception();
  }

  /**
   * What it failed with; undefined if it did not.
   *
   * @throws {CancelledError} if it was cancelled.
   * @throws {Error} if it is not done.
   */
  exception(): unknown {
    if (this.#state === "pending") throw new Error("the future is not done");
    if (this.#state === "cancelled") throw new CancelledError("the future was cancelled");
    this.loop.failed.delete(this as Future<unknown>);
    this.loop.unretrieved.delete(this as Future<unknown>);
    return this.#error;
  }

  /** Gives it a result; throws an Error if it is done already. */
  setResult(result: Result): void {
    this.#finish("finished");
    this.#result = result;
  }

  /** Lets it fail; throws an Error if it is done already. */
  setException(error: unknown): void {
    const { failed, unretrieved } = this.loop;
    const list = this.#callbacks.length === 0 ? failed : unretrieved;
    this.#finish("failed");
    if (!(error instanceof CancelledError)) list.add(this as Future<unknown>);
    // Anything can be thrown, but undefined would say that nothing has failed.
    this.#error = error ?? new TypeError(`${error} was thrown`);
  }

  /**
   * Cancels it, unless it is done.
   *
   * @returns Whether it was not done.
   */
  cancel(): boolean {
    if (this.done()) return false;
    this.#finish("cancelled");
    return true;
  }

  /** Calls a function in the round after it is done; in the next round if it is done already. */
  addDoneCallback(callback: (future: this) => void): void {
    if (!this.done()) return void this.#callbacks.push(callback);
    this.loop.callSoon(callback, this);
    const { failed, unretrieved } = this.loop;
    if (failed.delete(this as Future<unknown>)) unretrieved.add(this as Future<unknown>);
  }

  /** Removes a function that {@linkcode addDoneCallback} has added. */
  removeDoneCallback(callback: (future: this) => void): void {
    this.#callbacks = this.#callbacks.filter((other) => other !== callback);
  }

  #finish(state: "finished" | "failed" | "cancelled"): void {
    if (this.done()) throw new Error("the future is done already");
    this.#state = state;
    for (const callback of this.#callbacks) this.loop.callSoon(callback, this as never);
    this.#callbacks.length = 0;
  }
}
