/**
 * Tasks, which are coroutines that the loop runs, and the functions that wait for them. Names,
 * meaning and order are those of Python's asyncio (3.11); times are in milliseconds.
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import { type Awaitable, CancelledError, type Coroutine, Future, runningLoop } from "./futures.ts";

/** Thrown by {@linkcode waitFor} when the time is up. Counterpart: `TimeoutError`. */
export class TimeoutError extends Error {
  /** The class's name, for messages. */
  override readonly name = "TimeoutError";
}

const switches = channel("coroutine"); // costs nothing while nobody listens
let created = 0;

/** Marks coroutines that have ended. Python's know that of themselves; a generator does not say. */
const spent = Symbol("spent");

/** A coroutine that the loop runs, and the future of its result. Counterpart: `asyncio.Task`. */
export class Task<Result = void> extends Future<Result> {
  /** What it is called in messages. */
  readonly name: string;
  readonly #id = ++created;
  readonly #coroutine: Coroutine<Result> & { [spent]?: true };
  #waitsFor: Future<unknown> | undefined;
  #toThrow: Error | undefined;
  #cancelling = false;

  /** Makes a task, see {@linkcode createTask}. */
  constructor(coroutine: Coroutine<Result>, name?: string) {
    super();
    this.name = name ?? `Task-${this.#id}`;
    this.#coroutine = coroutine;
    this.#publish("created");
    this.loop.tasks.add(this as Future<unknown>);
    this.loop.callSoon(this.#step, this);
  }

  #publish(state: "created" | "running" | "suspended" | "ended"): void {
    if (switches.hasSubscribers) switches.publish({ state, id: this.#id, name: this.name });
  }

  /** Runs the coroutine to the place where it waits next. */
  readonly #step = (): void => {
    const error = this.#toThrow;
    this.#toThrow = this.#waitsFor = undefined;
    this.#publish("running");
    try {
      const { done, value } = error === undefined
        ? this.#coroutine.next()
        : this.#coroutine.throw(error);
      // With an error to throw, it has cancelled itself before it returned.
      if (done) this.#end(() => this.#toThrow ? super.cancel() : this.setResult(value));
      else this.#wait(value);
    } catch (error) {
      this.#end(() => error instanceof CancelledError ? super.cancel() : this.setException(error));
    }
  };

  #wait(until: Future<unknown> | undefined): void {
    this.#publish("suspended");
    if (until === undefined) return this.loop.callSoon(this.#step, this); // sleep(0)
    const mistake = this.#mistakeIn(until);
    if (mistake !== undefined) {
      this.#toThrow ??= mistake;
      return this.loop.callSoon(this.#step, this);
    }
    until.awaited = false;
    this.#waitsFor = until;
    until.addDoneCallback(this.#step);
    // It has cancelled itself before it came here.
    if (this.#toThrow !== undefined && until.cancel()) this.#toThrow = undefined;
  }

  #mistakeIn(until: Future<unknown>): Error | undefined {
    if (!(until instanceof Future && until.awaited)) {
      return new TypeError("a coroutine waits with yield*, and not with yield alone");
    }
    if (until === this) return new Error("a task cannot await itself");
    return until.loop === this.loop ? undefined : differentLoop();
  }

  #end(finish: () => void): void {
    this.#publish("ended");
    this.loop.tasks.delete(this as Future<unknown>);
    if (this.#coroutine[spent]) {
      return this.setException(new Error("cannot reuse an already awaited coroutine"));
    }
    this.#coroutine[spent] = true;
    finish();
  }

  /**
   * Throws a CancelledError into the coroutine where it waits, or before it begins. Its `finally`
   * blocks run; it may also catch the error and go on.
   *
   * @returns Whether it was not done.
   */
  override cancel(): boolean {
    if (this.done()) return false;
    // A task that waits for another one leaves it to that: the error comes back as its outcome. A
    // loop follows the chain, since it can be longer than the stack is deep.
    const chain: Task<unknown>[] = [];
    let last = this as Task<unknown>;
    while (!last.#cancelling && last.#waitsFor instanceof Task && !last.#waitsFor.done()) {
      last.#cancelling = true;
      chain.push(last);
      last = last.#waitsFor;
    }
    last.#interrupt();
    for (const task of chain) task.#cancelling = false;
    return true;
  }

  #interrupt(): void {
    if (this.#cancelling) {
      // These tasks wait for each other in a circle, and here it is broken.
      this.#waitsFor!.removeDoneCallback(this.#step);
      this.#waitsFor = undefined;
      this.loop.callSoon(this.#step, this);
    }
    this.#cancelling = true;
    if (!this.#waitsFor?.cancel()) this.#toThrow = new CancelledError("the task was cancelled");
    this.#cancelling = false;
  }
}

function differentLoop(): Error {
  return new Error("the future is attached to a different loop");
}

/** Starts a coroutine: it will run from the next round on. Counterpart: `asyncio.create_task`. */
export function createTask<Result>(coroutine: Coroutine<Result>, name?: string): Task<Result> {
  return new Task(coroutine, name);
}

function ensureFuture<Result>(awaitable: Awaitable<Result>): Future<Result> {
  if (!(awaitable instanceof Future)) return createTask(awaitable);
  if (awaitable.loop !== runningLoop()) throw differentLoop();
  return awaitable;
}

/** Waits for a time in milliseconds; 0 lets all others go on once. Counterpart: `asyncio.sleep`. */
export function* sleep(milliseconds: number): Coroutine {
  if (milliseconds <= 0) return yield; // to the loop, which resumes it in the next round
  const future = new Future();
  const { timers } = runningLoop();
  const timer = timers.add(performance.now() + milliseconds, () => release(future));
  try {
    yield* future;
  } finally {
    timers.delete(timer);
  }
}

/** Lets a future be done, unless it was cancelled in this very round. */
function release(future: Future): void {
  if (!future.done()) future.setResult();
}

/** The results of what is waited for. */
export type Results<Awaitables extends readonly Awaitable<unknown>[]> = {
  [Index in keyof Awaitables]: Awaitables[Index] extends Awaitable<infer Result> ? Result : never;
};

/**
 * Starts all coroutines at once, in their order, and gives all results in that same order. It fails
 * as soon as one of them does, while the others go on; cancelling it cancels all of them.
 * Counterpart: `asyncio.gather`.
 *
 * @param returnExceptions Errors are results like others.
 */
export function gather<const Awaitables extends readonly Awaitable<unknown>[]>(
  awaitables: Awaitables,
  { returnExceptions = false } = {},
): Future<Results<Awaitables>> {
  const outer = new Future<unknown[]>();
  const children: Future<unknown>[] = [];
  const known = new Map<Awaitable<unknown>, Future<unknown>>();
  let missing = 0;
  let cancelRequested = false;

  function onDone(future: Future<unknown>) {
    missing--;
    const error = errorOf(future); // which also marks it as retrieved
    if (outer.done()) return;
    if (error !== undefined && !returnExceptions) outer.setException(error);
    else if (missing > 0) return;
    else if (cancelRequested) outer.setException(new CancelledError("gather was cancelled"));
    else outer.setResult(children.map(outcomeOf));
  }

  // It is not done before those that it cancels are.
  outer.cancel = () => {
    if (outer.done()) return false;
    const cancelled = children.filter((child) => child.cancel());
    cancelRequested ||= cancelled.length > 0;
    return cancelled.length > 0;
  };

  for (const awaitable of awaitables) {
    let child = known.get(awaitable); // the same coroutine twice is one task
    if (child === undefined) {
      missing++;
      known.set(awaitable, child = ensureFuture(awaitable));
      child.addDoneCallback(onDone);
    }
    children.push(child);
  }
  if (missing === 0) outer.setResult([]);
  return outer as Future<unknown> as Future<Results<Awaitables>>;
}

/** Why a future that is done has no result; undefined if it has one. */
function errorOf(future: Future<unknown>): unknown {
  return future.cancelled() ? new CancelledError("the task was cancelled") : future.exception();
}

function outcomeOf(future: Future<unknown>): unknown {
  return errorOf(future) ?? future.result();
}

/** What {@linkcode wait} gives: both in the order in which they were given to it. */
export interface Waited<Result> {
  /** Those that are done. */
  done: Future<Result>[];
  /** Those that are not. */
  pending: Future<Result>[];
}

/**
 * Waits for some futures, without failing if they fail. Counterpart: `asyncio.wait`.
 *
 * @param timeout How long it waits, in milliseconds; without it, until they are done. None of them
 *   is cancelled.
 * @param returnWhen Until all are done, or the first, or the first that fails.
 * @throws {RangeError} if there are none.
 */
export function* wait<Result>(
  futures: Iterable<Future<Result>>,
  { timeout, returnWhen = "ALL_COMPLETED" }: {
    timeout?: number;
    returnWhen?: "ALL_COMPLETED" | "FIRST_COMPLETED" | "FIRST_EXCEPTION";
  } = {},
): Coroutine<Waited<Result>> {
  const all = [...new Set(futures)].map(ensureFuture);
  if (all.length === 0) throw new RangeError("there is nothing to wait for");
  const waiter = new Future();
  const { timers } = runningLoop();
  let missing = all.length;
  function onDone(future: Future<Result>) {
    const enough = returnWhen === "FIRST_COMPLETED" ||
      (returnWhen === "FIRST_EXCEPTION" && !future.cancelled() && future.exception() !== undefined);
    if (--missing === 0 || enough) release(waiter);
  }
  const timer = timeout === undefined
    ? undefined
    : timers.add(performance.now() + timeout, () => release(waiter));
  for (const future of all) future.addDoneCallback(onDone);
  try {
    yield* waiter;
  } finally {
    if (timer !== undefined) timers.delete(timer);
    for (const future of all) future.removeDoneCallback(onDone);
  }
  return {
    done: all.filter((future) => future.done()),
    pending: all.filter((future) => !future.done()),
  };
}

/**
 * Waits for one awaitable, but no longer than a time in milliseconds, after which it is cancelled.
 * Counterpart: `asyncio.wait_for`.
 *
 * @throws {TimeoutError} if the time was up.
 */
export function* waitFor<Result>(
  awaitable: Awaitable<Result>,
  timeout: number,
): Coroutine<Result> {
  const future = ensureFuture(awaitable);
  try {
    if (!(timeout <= 0)) yield* wait([future], { timeout }); // otherwise it does not even begin
  } catch (error) {
    if (!future.done()) {
      yield* cancelAndWait(future);
      throw error;
    }
  }
  if (future.done()) return future.result();
  yield* cancelAndWait(future);
  if (future.cancelled()) throw new TimeoutError(`not done after ${timeout} ms`);
  return future.result();
}

/** Cancels a future, and waits until its `finally` blocks have run. */
function* cancelAndWait(future: Future<unknown>): Coroutine {
  future.cancel();
  yield* wait([future]);
}
