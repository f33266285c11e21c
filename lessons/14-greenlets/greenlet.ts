/**
 * gevent's greenlets, rebuilt: functions that run beside others, and let them run while they wait.
 * See hub.ts for how they wait.
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import type { Timer } from "../../shared/timers.ts";
import { after, call, type Coroutine, currentGreenlet, getHub, Hub, hub, Waiter } from "./hub.ts";
import { Timeout } from "./timeout.ts";

/** gevent.GreenletExit: ends a greenlet by `kill`, and does not count as a failure. */
export class GreenletExit extends Error {
  /** The class's name, for messages. */
  override readonly name = "GreenletExit";
}

/** A function that a greenlet can run; a generator function, if it waits. */
export type Run<Args extends unknown[], Result> = (...args: Args) => Coroutine<Result> | Result;

const switches = channel("coroutine"); // costs nothing while nobody listens
let created = 0;

/** gevent.Greenlet: a function that runs beside others. */
export class Greenlet<Result = unknown> {
  /** Its number: they are counted from 0 on. */
  readonly ident: number = created++;
  /** What it has returned; the GreenletExit if it was killed; undefined if it has failed. */
  value: Result | GreenletExit | undefined;
  /** The error that has ended it; undefined if there was none. */
  exception: unknown;
  // deno-lint-ignore no-explicit-any -- which arguments it takes is checked where it is spawned
  readonly #run: Run<any[], Result>;
  readonly #args: unknown[];
  #generator: Coroutine<Result> | undefined;
  #state: "new" | "started" | "running" | "successful" | "failed" = "new";
  #timer: Timer<() => void> | undefined; // of startLater
  readonly #links: ((greenlet: Greenlet) => void)[] = [];
  #notifying = false;

  /** A greenlet that will call `run`, but has not been started yet. */
  // deno-lint-ignore no-explicit-any -- as above
  constructor(run: Run<any[], Result>, ...args: unknown[]) {
    this.#run = run;
    this.#args = args;
    this.#publish("created");
  }

  #publish(state: "created" | "running" | "suspended" | "ended"): void {
    if (!switches.hasSubscribers) return;
    const name = `${this.#run.name || "greenlet"}-${this.ident}`;
    switches.publish({ state, id: this.ident, name });
  }

  /** Has it begin soon, after what was scheduled before. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "started";
    getHub().runCallback(() => this.#begin());
  }

  /** Has it begin in some milliseconds. */
  startLater(milliseconds: number): void {
    if (this.#state !== "new") return;
    this.#state = "started";
    this.#timer = after(milliseconds, () => this.#begin());
  }

  #begin(): void {
    if (this.#state === "started") this.switch(); // otherwise it was killed before
  }

  /** Whether it has begun and not ended. */
  get running(): boolean {
    return this.#state === "running";
  }

  /** Whether it has ended. */
  get dead(): boolean {
    return this.#state === "successful" || this.#state === "failed";
  }

  /** Whether it has ended. */
  ready(): boolean {
    return this.dead;
  }

  /** Whether it has ended, and not by an error. */
  successful(): boolean {
    return this.#state === "successful";
  }

  /** Resumes it until it waits again, unless it has ended. Only the hub does that. */
  switch(): void {
    if (!this.dead) this.#resume(undefined);
  }

  /** Resumes it by throwing an error where it waits; if it has not begun, it never will. */
  throw(error: unknown): void {
    if (this.running) this.#resume({ error });
    else if (!this.dead) this.#fail(error);
  }

  #resume(thrown: { error: unknown } | undefined): void {
    const hub = getHub();
    const previous = hub.current;
    hub.current = this;
    this.#publish("running");
    try {
      if (this.#generator === undefined) {
        this.#state = "running";
        const result = this.#run(...this.#args);
        if (!isGenerator(result)) return this.#end("successful", result);
        this.#generator = result;
      }
      const { done, value } = thrown === undefined
        ? this.#generator.next()
        : this.#generator.throw(thrown.error);
      if (done) return this.#end("successful", value);
      this.#publish("suspended");
      if (value === undefined) return;
      const error = new TypeError("a greenlet waits with yield*, and not with yield alone");
      hub.runCallback(() => this.throw(error));
    } catch (error) {
      this.#fail(error);
    } finally {
      hub.current = previous;
    }
  }

  #fail(error: unknown): void {
    if (error instanceof GreenletExit) return this.#end("successful", error);
    this.exception = error;
    this.#end("failed", undefined);
    if (this !== getHub().main) this.#report(error); // what runMain throws need not be reported
  }

  #end(state: "successful" | "failed", value: Result | GreenletExit | undefined): void {
    this.#publish("ended");
    if (this.#timer !== undefined) getHub().timers.delete(this.#timer);
    this.#state = state;
    this.value = value;
    this.#generator = undefined;
    this.#notify();
  }

  /** An error that nothing has caught ends its greenlet, and is not lost. */
  #report(error: unknown): void {
    const isError = error instanceof Error;
    console.error(isError ? error.stack : String(error));
    console.error(`${this} failed with ${isError ? error.name : typeof error}`);
  }

  /** Calls a function soon after it has ended, with this greenlet. */
  rawlink(callback: (greenlet: Greenlet) => void): void {
    this.#links.push(callback);
    if (this.dead) this.#notify();
  }

  /** Removes such a function. */
  unlink(callback: (greenlet: Greenlet) => void): void {
    const index = this.#links.indexOf(callback);
    if (index !== -1) this.#links.splice(index, 1);
  }

  /** Calls the links in their order. Each may remove later ones, and add more at the end. */
  #notify(): void {
    if (this.#notifying || this.#links.length === 0) return;
    this.#notifying = true;
    getHub().runCallback(() => {
      for (let link; (link = this.#links.shift()) !== undefined;) call(link, this as Greenlet);
      this.#notifying = false;
    });
  }

  /** Waits until it has ended, or for `timeout` milliseconds. */
  *join(timeout?: number): Coroutine {
    if (this.dead) return;
    const waiter = new Waiter();
    this.rawlink(waiter.switch);
    try {
      yield* waiter.get(timeout);
    } finally {
      this.unlink(waiter.switch);
    }
  }

  /**
   * Waits for what it returns.
   *
   * @throws {unknown} the error that has ended it.
   * @throws {Timeout} if it takes more than `timeout` milliseconds.
   */
  *get(timeout?: number): Coroutine<Result | GreenletExit> {
    using _limit = this.dead ? undefined : new Timeout(timeout);
    yield* this.join();
    if (this.#state === "failed") throw this.exception;
    return this.value as Result | GreenletExit;
  }

  /**
   * Throws an error into it soon; its `finally` blocks run. If it has not begun, it never will.
   * Called with `yield*`, this waits until it has ended; without, it does not, which is
   * `block=False` in gevent.
   *
   * @param timeout How long to wait for its end, in milliseconds.
   */
  kill(error: unknown = new GreenletExit(), timeout?: number): Coroutine {
    const thrown = new Waiter();
    if (this.running) {
      getHub().runCallback(() => {
        this.throw(error);
        thrown.switch();
      });
    } else {
      this.throw(error);
      thrown.switch();
    }
    return this.#joinAfter(thrown, timeout);
  }

  *#joinAfter(thrown: Waiter, timeout?: number): Coroutine {
    yield* thrown.get();
    yield* this.join(timeout);
  }

  /** `Greenlet-N`. */
  get name(): string {
    return `Greenlet-${this.ident}`;
  }

  /** Its name and that of its function. */
  toString(): string {
    return `<Greenlet "${this.name}": ${this.#run.name || "anonymous"}>`;
  }
}

function isGenerator<Result>(result: Coroutine<Result> | Result): result is Coroutine<Result> {
  return Object.prototype.toString.call(result) === "[object Generator]";
}

/**
 * gevent.getcurrent: the greenlet that runs.
 *
 * @throws {Error} in a callback of the hub, which must not wait.
 */
export function getCurrent(): Greenlet {
  return currentGreenlet() as Greenlet;
}

/**
 * Runs a function as the main greenlet, which is the whole program in gevent, with a hub for it and
 * for all that it spawns. Greenlets that have not ended with it are left where they are.
 *
 * @returns What the function returns.
 * @throws {unknown} what it throws.
 * @throws {LoopExit} if it waits, and nothing is left that could wake any greenlet.
 */
export function runMain<Result>(run: Run<[], Result>): Result {
  if (hub !== undefined) throw new Error("there is a hub already");
  const main = new Greenlet(run);
  using own = new Hub(main);
  own.run();
  if (!main.successful()) throw main.exception;
  return main.value as Result;
}

/** gevent.spawn: a greenlet that begins soon, after what was scheduled before. */
export function spawn<Args extends unknown[], Result>(
  run: Run<Args, Result>,
  ...args: Args
): Greenlet<Result> {
  const greenlet = new Greenlet<Result>(run, ...args);
  greenlet.start();
  return greenlet;
}

/** gevent.spawn_later: a greenlet that begins in some milliseconds. */
export function spawnLater<Args extends unknown[], Result>(
  milliseconds: number,
  run: Run<Args, Result>,
  ...args: Args
): Greenlet<Result> {
  const greenlet = new Greenlet<Result>(run, ...args);
  greenlet.startLater(milliseconds);
  return greenlet;
}

/**
 * gevent.joinall: waits until all have ended, or for `timeout` milliseconds.
 *
 * @returns Those that have ended, in that order; one that was given twice is in there twice.
 */
export function* joinAll(greenlets: Iterable<Greenlet>, timeout?: number): Coroutine<Greenlet[]> {
  const all = [...greenlets];
  const finished: Greenlet[] = [];
  const waiter = new Waiter();
  function note(greenlet: Greenlet) {
    finished.push(greenlet);
    if (finished.length === all.length) waiter.switch();
  }
  for (const greenlet of all) greenlet.rawlink(note);
  try {
    if (all.length > 0) yield* waiter.get(timeout);
  } finally {
    for (const greenlet of all) greenlet.unlink(note);
  }
  return finished;
}

/**
 * gevent.killall: like `kill` for each of them, all in one go. Called with `yield*`, it waits for
 * their ends.
 *
 * @throws {Timeout} if that takes more than `timeout` milliseconds.
 */
export function killAll(greenlets: Iterable<Greenlet>, timeout?: number): Coroutine {
  const running: Greenlet[] = [];
  for (const greenlet of greenlets) {
    if (greenlet.running) running.push(greenlet);
    else greenlet.throw(new GreenletExit());
  }
  const alive: Greenlet[] = [];
  const thrown = new Waiter();
  if (running.length === 0) thrown.switch();
  else {
    getHub().runCallback(() => {
      for (const greenlet of running) {
        greenlet.throw(new GreenletExit());
        if (!greenlet.dead) alive.push(greenlet);
      }
      thrown.switch();
    });
  }
  return joinAllAfter(thrown, alive, timeout);
}

function* joinAllAfter(thrown: Waiter, alive: Greenlet[], timeout?: number): Coroutine {
  using _limit = new Timeout(timeout);
  yield* thrown.get();
  yield* joinAll(alive);
}
