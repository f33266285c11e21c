/**
 * asyncio, rebuilt: a loop that resumes coroutines when what they wait for has happened. It is the
 * scheduler of lesson 12, which knows time, over the selector of lesson 07, which knows sockets.
 *
 * A coroutine is a generator. It waits for something with `yield*`, where Python writes `await`,
 * and so does every function that calls it. Names, meaning and order are those of Python's asyncio;
 * times are in milliseconds.
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import { DefaultSelector } from "../../shared/selectors/default.ts";
import { EVENT_READ, EVENT_WRITE, type SelectorKey } from "../../shared/selectors/selector.ts";
import { Timers } from "../../shared/timers.ts";

/** A function that can wait: `yield*` runs it, and gives its result. */
export type Coroutine<Result = void> = Generator<Future<unknown>, Result, void>;

/** What can be waited for with `yield*`. */
export type Awaitable<Result> = Coroutine<Result> | Future<Result>;

/** Thrown into a coroutine that is cancelled. Counterpart: `asyncio.CancelledError`. */
export class CancelledError extends Error {
  /** Its name. */
  override readonly name = "CancelledError";
}

/** Thrown by {@linkcode waitFor} when the time is up. Counterpart: `TimeoutError`. */
export class TimeoutError extends Error {
  /** Its name. */
  override readonly name = "TimeoutError";
}

/** Thrown by {@linkcode run} when everybody waits for somebody else, where asyncio would hang. */
export class DeadlockError extends Error {
  /** Its name. */
  override readonly name = "DeadlockError";
}

/** How it stands with a future. */
type State<Result> =
  | { name: "pending" | "cancelled" }
  | { name: "finished"; result: Result }
  | { name: "failed"; error: unknown };

/** A result that is not there yet; `yield*` waits for it. Counterpart: `asyncio.Future`. */
export class Future<Result = void> {
  /** The loop that it belongs to. */
  protected readonly loop: EventLoop = runningLoop();
  #callbacks: ((future: never) => void)[] = [];
  #state: State<Result> = PENDING;

  /** Waits until it is done, and gives its result or throws its error. */
  *[Symbol.iterator](): Coroutine<Result> {
    // This is the one place where a coroutine gives way to the loop.
    if (!this.done()) yield this as Future<unknown>;
    return this.result();
  }

  /** Whether it has a result, has failed or was cancelled. */
  done(): boolean {
    return this.#state.name !== "pending";
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#state.name === "cancelled";
  }

  /**
   * Its result.
   *
   * @throws What it failed with; a CancelledError if it was cancelled; an Error if it is not done.
   */
  result(): Result {
    if (this.#state.name === "finished") return this.#state.result;
    throw this.exception();
  }

  /**
   * What it failed with; undefined if it did not.
   *
   * @throws {CancelledError} if it was cancelled.
   * @throws {Error} if it is not done.
   */
  exception(): unknown {
    const state = this.#state;
    if (state.name === "pending") throw new Error("the future is not done");
    if (state.name === "cancelled") throw new CancelledError("it was cancelled");
    this.loop.uncollected.delete(this as Future<unknown>);
    return state.name === "failed" ? state.error : undefined;
  }

  /** Gives it a result; throws an Error if it is done already. */
  setResult(result: Result): void {
    this.#finish({ name: "finished", result });
  }

  /** Lets it fail; throws an Error if it is done already. */
  setException(error: unknown): void {
    // Anything can be thrown, but nothing would say that nothing has failed.
    this.#finish({ name: "failed", error: error ?? new TypeError(`${error} was thrown`) });
    this.loop.uncollected.add(this as Future<unknown>);
  }

  /**
   * Cancels it, unless it is done.
   *
   * @returns Whether it was not done.
   */
  cancel(): boolean {
    if (this.done()) return false;
    this.#finish(CANCELLED);
    return true;
  }

  /** Has a function called in the next round after it is done, which it may be now. */
  addDoneCallback(callback: (future: this) => void): void {
    if (this.done()) this.loop.callSoon(callback, this);
    else this.#callbacks.push(callback);
  }

  /** Takes a function back. */
  removeDoneCallback(callback: (future: this) => void): void {
    this.#callbacks = this.#callbacks.filter((other) => other !== callback);
  }

  #finish(state: State<Result>): void {
    if (this.done()) throw new Error("the future is done already");
    this.#state = state;
    for (const callback of this.#callbacks) this.loop.callSoon(callback, this as never);
    this.#callbacks.length = 0;
  }
}

const PENDING = { name: "pending" } as const;
const CANCELLED = { name: "cancelled" } as const;

/** Is done in the next round, whatever happens. */
class NextRound extends Future {
  override addDoneCallback(callback: (future: this) => void): void {
    runningLoop().callSoon(callback, this);
  }

  /** Leaves it to the task, which is resumed in the next round in any case. */
  override cancel(): boolean {
    return false;
  }

  override result(): void {}
}

const switches = channel("coroutine");

function publish(state: string, id: number, name: string): void {
  if (switches.hasSubscribers) switches.publish({ state, id, name });
}

let tasksSoFar = 0;

/** A coroutine that the loop runs, and the future of its result. Counterpart: `asyncio.Task`. */
export class Task<Result = void> extends Future<Result> {
  /** What it is called in messages. */
  readonly name: string;
  readonly #id = ++tasksSoFar;
  readonly #coroutine: Coroutine<Result>;
  #waitsFor: Future<unknown> | undefined;
  #toThrow: Error | undefined;

  /** See {@linkcode createTask}. */
  constructor(coroutine: Coroutine<Result>, name?: string) {
    super();
    this.name = name ?? `Task-${this.#id}`;
    publish("created", this.#id, this.name);
    this.#coroutine = coroutine;
    this.loop.tasks.add(this as Task<unknown>);
    this.loop.callSoon(this.#step, this);
  }

  /**
   * Throws a CancelledError into the coroutine where it waits, or before it has begun. `finally` is
   * honoured; it may also catch the error and go on.
   *
   * @returns Whether it was not done.
   */
  override cancel(): boolean {
    if (this.done()) return false;
    // What it waits for is cancelled, which it will then be told.
    if (!this.#waitsFor?.cancel()) this.#toThrow = new CancelledError("the task was cancelled");
    return true;
  }

  /** Runs the coroutine to the place where it waits next. */
  readonly #step = (): void => {
    const error = this.#toThrow;
    this.#toThrow = this.#waitsFor = undefined;
    publish("running", this.#id, this.name);
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

  #wait(until: Future<unknown>): void {
    publish("suspended", this.#id, this.name);
    if (!(until instanceof Future)) {
      this.#toThrow = new TypeError("a coroutine waits with yield*, and not with yield alone");
      return this.loop.callSoon(this.#step, this);
    }
    this.#waitsFor = until;
    until.addDoneCallback(this.#step);
    // It has cancelled itself before it came here.
    if (this.#toThrow !== undefined && until.cancel()) this.#toThrow = undefined;
  }

  #end(finish: () => void): void {
    publish("ended", this.#id, this.name);
    this.loop.tasks.delete(this as Task<unknown>);
    finish();
  }
}

/** A descriptor that the selector knows, and what those wait for who wait for it, or did last. */
interface Watch {
  readonly fd: number;
  events: number;
  readable?: Future;
  writable?: Future;
}

/** The loop, as futures and functions see it; {@linkcode run} makes one. */
export class EventLoop {
  /** Tasks that are not done. */
  readonly tasks = new Set<Task<unknown>>();
  /** Futures whose errors nobody has asked for. */
  readonly uncollected = new Set<Future<unknown>>();
  /** What happens when. */
  readonly timers = new Timers<() => void>();
  readonly #selector = new DefaultSelector<Watch>();
  readonly #watches: (Watch | undefined)[] = []; // by descriptor
  /** Functions and what they are to be called with, in turn. */
  #ready: unknown[] = [];
  /** How many coroutines wait for a descriptor. */
  waiting = 0;

  /** Has a function called in the next round, after those that were there before. */
  callSoon<Argument>(callback: (argument: Argument) => void, argument: Argument): void {
    this.#ready.push(callback, argument);
  }

  /** One round: waits until something can go on, and lets all go on that can. */
  round(): void {
    const timeout = this.#timeout();
    if (timeout !== 0 || this.waiting > 0) {
      for (const key of this.#selector.select(timeout)) this.#wake(key);
    }
    const now = performance.now();
    for (let timer; (timer = this.timers.takeDue(now)) !== undefined;) {
      this.callSoon(timer.item, undefined);
    }
    // Whoever becomes ready from here on waits for the next round, so that nobody is passed over.
    const ready = this.#ready;
    this.#ready = [];
    for (let i = 0; i < ready.length; i += 2) {
      try {
        (ready[i] as (argument: unknown) => void)(ready[i + 1]);
      } catch (error) {
        console.error("Exception in a callback:", error);
      }
    }
  }

  /** How long there is nothing to do, in milliseconds; undefined until a descriptor is ready. */
  #timeout(): number | undefined {
    if (this.#ready.length > 0) return 0;
    const { next } = this.timers;
    if (next !== undefined) return Math.max(next.time - performance.now(), 0);
    if (this.waiting > 0) return undefined;
    const names = [...this.tasks].map(({ name }) => name).join(", ");
    throw new DeadlockError(`everybody waits, and nothing is left that could wake them: ${names}`);
  }

  /**
   * Waits until a descriptor is ready for EVENT_READ or EVENT_WRITE.
   *
   * @throws {CancelledError} if it is closed meanwhile.
   */
  *readiness(fd: number, event: number): Coroutine {
    const watch = this.#watches[fd] ??= { fd, events: 0 };
    const side = event === EVENT_READ ? "readable" : "writable";
    if (watch[side]?.done() === false) {
      throw new Error("somebody waits for this descriptor already");
    }
    // It stays registered from now on, so a client who talks on costs no further system call.
    if ((watch.events & event) === 0) this.#watch(watch, watch.events | event);
    this.waiting++;
    try {
      yield* watch[side] = new Future();
    } finally {
      this.waiting--;
    }
    // It was ready. But somebody whose turn came first may have closed it, and by now its number
    // may be that of another connection.
    if (this.#watches[fd] !== watch) throw new CancelledError("the descriptor was closed");
  }

  #watch(watch: Watch, events: number): void {
    if (watch.events === 0) this.#selector.register(watch.fd, events, watch);
    else if (events !== 0) this.#selector.modify(watch.fd, events, watch);
    else this.#selector.unregister(watch.fd);
    watch.events = events;
  }

  #wake({ ready, data: watch }: SelectorKey<Watch>): void {
    let unwanted = 0;
    if (ready & EVENT_READ && !wake(watch.readable)) unwanted |= EVENT_READ;
    if (ready & EVENT_WRITE && !wake(watch.writable)) unwanted |= EVENT_WRITE;
    // The selector would report it again and again, although nobody waits for it.
    if (unwanted !== 0) this.#watch(watch, watch.events & ~unwanted);
  }

  /** Forgets a descriptor, which must be done before it is closed. Whoever waits is cancelled. */
  forget(fd: number): void {
    const watch = this.#watches[fd];
    if (watch === undefined) return;
    this.#watches[fd] = undefined;
    if (watch.events !== 0) this.#watch(watch, 0);
    watch.readable?.cancel();
    watch.writable?.cancel();
  }

  /** Says which tasks are left and which errors nobody has asked for; releases the selector. */
  close(): void {
    for (const { name } of this.tasks) {
      console.error(`Task ${name}: it was destroyed while it was pending`);
    }
    for (const future of this.uncollected) {
      const name = future instanceof Task ? `Task ${future.name}` : "Future";
      console.error(`${name}: its exception was never retrieved:`, future.exception());
    }
    this.#selector.close();
  }
}

/** Wakes who waits for something, if somebody does. */
function wake(awaited: Future | undefined): boolean {
  if (awaited === undefined || awaited.done()) return false;
  awaited.setResult();
  return true;
}

let running: EventLoop | undefined;

/** The loop that runs; throws an Error if none does. */
export function runningLoop(): EventLoop {
  if (running === undefined) throw new Error("there is no running event loop");
  return running;
}

/**
 * Runs a coroutine, and all that it starts, until it is done; blocks the thread meanwhile. Tasks
 * that are left are cancelled then. Counterpart: `asyncio.run`.
 *
 * @returns Its result; or throws its error.
 * @throws {DeadlockError} if all tasks wait for one another, after having cancelled them.
 */
export function run<Result>(main: Coroutine<Result>): Result {
  if (running !== undefined) throw new Error("run() was called from a running event loop");
  const loop = running = new EventLoop();
  try {
    const task = createTask(main);
    let done = false;
    task.addDoneCallback(() => done = true);
    try {
      while (!done) loop.round();
    } finally {
      const left = [...loop.tasks];
      for (const task of left) task.cancel();
      while (left.some((task) => !task.done())) loop.round();
    }
    return task.result();
  } finally {
    loop.close();
    running = undefined;
  }
}

/** Starts a coroutine: it will run from the next round on. Counterpart: `asyncio.create_task`. */
export function createTask<Result>(coroutine: Coroutine<Result>, name?: string): Task<Result> {
  return new Task(coroutine, name);
}

/** Waits for a time in milliseconds; 0 lets all others go on once. Counterpart: `asyncio.sleep`. */
export function* sleep(milliseconds: number): Coroutine {
  if (milliseconds <= 0) return yield* new NextRound();
  const future = new Future();
  const { timers } = runningLoop();
  const timer = timers.add(performance.now() + milliseconds, () => {
    if (!future.done()) future.setResult(); // it may have been cancelled in this very round
  });
  try {
    yield* future;
  } finally {
    timers.delete(timer);
  }
}

/** The results of what is waited for. */
export type Results<Awaitables extends readonly Awaitable<unknown>[]> = {
  [Index in keyof Awaitables]: Awaitables[Index] extends Awaitable<infer Result> ? Result : never;
};

/**
 * Starts all coroutines at once, in their order, and gives all results, in that same order. The
 * first that fails lets it fail, and the others go on; cancelling it cancels all of them.
 * Counterpart: `asyncio.gather`.
 *
 * @param returnExceptions Errors are results like others.
 */
export function gather<const Awaitables extends readonly Awaitable<unknown>[]>(
  awaitables: Awaitables,
  { returnExceptions = false } = {},
): Future<Results<Awaitables>> {
  const gathering = new Gathering(awaitables.map(ensureFuture), returnExceptions);
  return gathering as unknown as Future<Results<Awaitables>>;
}

class Gathering extends Future<unknown[]> {
  readonly #children: Future<unknown>[];
  readonly #returnExceptions: boolean;
  #missing: number;
  #cancelRequested = false;

  constructor(children: Future<unknown>[], returnExceptions: boolean) {
    super();
    this.#children = children;
    this.#returnExceptions = returnExceptions;
    this.#missing = children.length;
    for (const child of children) child.addDoneCallback(this.#onDone);
    if (children.length === 0) this.setResult([]);
  }

  override cancel(): boolean {
    if (this.done()) return false;
    const cancelled = this.#children.filter((child) => child.cancel());
    this.#cancelRequested ||= cancelled.length > 0;
    return cancelled.length > 0;
  }

  readonly #onDone = (child: Future<unknown>): void => {
    this.#missing--;
    const error = errorOf(child);
    if (this.done()) return; // it has failed already, and this error counts as collected
    if (error !== undefined && !this.#returnExceptions) {
      if (child.cancelled()) super.cancel();
      else this.setException(error);
    } else if (this.#missing === 0) {
      if (this.#cancelRequested) super.cancel();
      else this.setResult(this.#children.map((child) => errorOf(child) ?? child.result()));
    }
  };
}

/** Why a future that is done has no result. */
function errorOf(future: Future<unknown>): unknown {
  return future.cancelled() ? new CancelledError("it was cancelled") : future.exception();
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
 * @param timeout How long it waits, in milliseconds; for ever, unless given. Nobody is cancelled.
 * @param returnWhen Until all are done, or the first, or the first that fails.
 * @throws {RangeError} if there are none.
 */
export function* wait<Result>(
  futures: Future<Result>[],
  { timeout, returnWhen = "ALL_COMPLETED" }: {
    timeout?: number;
    returnWhen?: "ALL_COMPLETED" | "FIRST_COMPLETED" | "FIRST_EXCEPTION";
  } = {},
): Coroutine<Waited<Result>> {
  if (futures.length === 0) throw new RangeError("there is nothing to wait for");
  const waiter = new Future();
  const { timers } = runningLoop();
  let missing = futures.length;
  function release() {
    if (!waiter.done()) waiter.setResult();
  }
  function onDone(future: Future<Result>) {
    const enough = returnWhen === "FIRST_COMPLETED" ||
      (returnWhen === "FIRST_EXCEPTION" && !future.cancelled() && future.exception() !== undefined);
    if (--missing === 0 || enough) release();
  }
  const timer = timeout === undefined
    ? undefined
    : timers.add(performance.now() + timeout, release);
  for (const future of futures) future.addDoneCallback(onDone);
  try {
    yield* waiter;
  } finally {
    if (timer !== undefined) timers.delete(timer);
    for (const future of futures) future.removeDoneCallback(onDone);
  }
  return {
    done: futures.filter((future) => future.done()),
    pending: futures.filter((future) => !future.done()),
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
  let inTime = false;
  try {
    if (!(timeout <= 0)) yield* wait([future], { timeout }); // otherwise it does not even begin
    inTime = future.done();
  } finally {
    if (future.cancel()) yield* wait([future]); // until its `finally` has run
  }
  if (!inTime && future.cancelled()) throw new TimeoutError(`not done after ${timeout} ms`);
  return future.result();
}

function ensureFuture<Result>(awaitable: Awaitable<Result>): Future<Result> {
  return awaitable instanceof Future ? awaitable : createTask(awaitable);
}
