/**
 * gevent rebuilt: a hub that waits for everybody, and greenlets that switch to it when they wait.
 *
 * gevent's greenlets have a stack of their own, so any function, however deep, can switch. A
 * JavaScript generator pauses alone, without its callers; so here every function that waits is a
 * generator, and is called with `yield*` by a function that is one as well. Names and meanings are
 * gevent's, in camelCase, and times are milliseconds.
 *
 * @module
 */

import { channel } from "node:diagnostics_channel";
import { EBADF, systemError } from "../../shared/linux/errno.ts";
import { DefaultSelector } from "../../shared/selectors/default.ts";
import { EVENT_READ, EVENT_WRITE } from "../../shared/selectors/selector.ts";
import { type Timer, Timers } from "../../shared/timers.ts";

/** What a function that waits returns. Called with `yield*`, it gives its result in the end. */
export type Waiting<Result = void> = Generator<void, Result, void>;

/** gevent.GreenletExit: ends a greenlet by `kill`, and does not count as a failure. */
export class GreenletExit extends Error {
  /** The class's name, for messages. */
  override name = "GreenletExit";
}

/** gevent.hub.LoopExit: all greenlets wait, and nothing is left that could wake one of them. */
export class LoopExit extends Error {
  /** The class's name, for messages. */
  override name = "LoopExit";
}

/** Who waits for a descriptor. It stays registered with the selector from one wait to the next. */
interface Watcher {
  /** What is registered; 0 if nothing is. */
  events: number;
  readonly reader: Waiter;
  readonly writer: Waiter;
}

const switches = channel("coroutine");

function publish(state: string, id: number, name: string): void {
  if (switches.hasSubscribers) switches.publish({ state, id, name });
}

let hub: Hub | undefined;
let current: Greenlet | undefined;

/** gevent.hub.Hub: it alone waits in the kernel, and resumes greenlets one after another. */
export class Hub implements Disposable {
  /** What happens when. */
  readonly timers = new Timers<() => void>();
  /** The greenlet of {@linkcode runMain}, whose end is the hub's. */
  readonly main: Greenlet;
  #callbacks: (() => void)[] = [];
  readonly #selector = new DefaultSelector<Watcher>();
  readonly #watchers: (Watcher | undefined)[] = []; // by descriptor
  #waiters = 0; // greenlets that wait for a descriptor

  /** A hub that runs until its main greenlet has ended. */
  constructor(main: Greenlet) {
    this.main = main;
  }

  /** loop.run_callback: calls a function in the next round, after those that were there before. */
  runCallback(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  /** Resumes whoever can go on, round after round: first come, first served. */
  run(): void {
    const { main, timers } = this;
    main.switch();
    while (!main.dead) {
      const callbacks = this.#callbacks;
      this.#callbacks = []; // what these schedule is for the next round
      for (const callback of callbacks) {
        call(callback);
        if (main.dead) return;
      }
      const now = performance.now();
      for (let timer; (timer = timers.takeDue(now)) !== undefined;) {
        call(timer.item);
        if (main.dead) return;
      }
      this.#select();
    }
  }

  /** Phase 1, for all greenlets together: the only place where the thread sleeps. */
  #select(): void {
    const { main, timers: { next } } = this;
    let timeout: number | undefined;
    if (this.#callbacks.length > 0) timeout = 0;
    else if (next !== undefined) timeout = Math.max(0, next.time - performance.now());
    if (this.#waiters === 0) {
      if (timeout === 0) return; // saves a system call
      if (timeout === undefined) {
        return main.throw(new LoopExit("This operation would block forever"));
      }
    }
    for (const { fd, ready, data: watcher } of this.#selector.select(timeout)) {
      if (this.#watchers[fd] !== watcher) continue; // closed by one of those before it
      const { reader, writer } = watcher;
      const wanted = (reader.waiting ? EVENT_READ : 0) | (writer.waiting ? EVENT_WRITE : 0);
      // What nobody waits for would be told again and again, and keep the hub from sleeping.
      if (ready & ~wanted) this.#watch(fd, watcher, watcher.events & wanted);
      if (ready & wanted & EVENT_READ) reader.switch();
      if (ready & wanted & EVENT_WRITE && this.#watchers[fd] === watcher) writer.switch();
      if (main.dead) return;
    }
  }

  /**
   * Lets the current greenlet wait for a descriptor. It is registered when it is waited for the
   * first time, and then left so: a pair of system calls for each wait would cost too much.
   */
  *wait(fd: number, event: number): Waiting {
    const watcher = this.#watchers[fd] ??= {
      events: 0,
      reader: new Waiter(),
      writer: new Waiter(),
    };
    const waiter = event === EVENT_READ ? watcher.reader : watcher.writer;
    if (waiter.waiting) throw new Error(`descriptor ${fd} is already used by another greenlet`);
    if (!(watcher.events & event)) this.#watch(fd, watcher, watcher.events | event);
    this.#waiters++;
    try {
      yield* waiter.get();
    } finally {
      this.#waiters--;
    }
  }

  #watch(fd: number, watcher: Watcher, events: number): void {
    // To watch for nothing would not do: a broken connection is told without being asked for.
    if (events === 0) this.#selector.unregister(fd);
    else if (watcher.events === 0) this.#selector.register(fd, events, watcher);
    else this.#selector.modify(fd, events, watcher);
    watcher.events = events;
  }

  /** hub.cancel_wait: forgets a descriptor; whoever waits for it gets an error. */
  cancelWait(fd: number): void {
    const watcher = this.#watchers[fd];
    if (watcher === undefined) return;
    if (watcher.events !== 0) this.#selector.unregister(fd);
    this.#watchers[fd] = undefined;
    for (const waiter of [watcher.reader, watcher.writer]) {
      if (waiter.waiting) this.runCallback(() => waiter.throw(systemError("close", EBADF, fd)));
    }
  }

  /** Releases the selector. */
  [Symbol.dispose](): void {
    this.#selector.close();
  }
}

/** Calls a function of the hub's. If it fails, that is told, and concerns nobody else. */
function call(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    console.error("A callback of the hub failed:", error);
  }
}

/**
 * gevent.get_hub: the hub that runs.
 *
 * @throws {Error} outside of {@linkcode runMain}.
 */
export function getHub(): Hub {
  if (hub === undefined) throw new Error("there is no hub: greenlets live within runMain");
  return hub;
}

/**
 * gevent.getcurrent: the greenlet that runs.
 *
 * @throws {Error} in a callback of the hub, which must not wait.
 */
export function getCurrent(): Greenlet {
  if (current === undefined) throw new Error("only a greenlet can wait, and not the hub");
  return current;
}

/**
 * gevent.hub.Waiter: where a greenlet waits until somebody calls `switch`. A greenlet that has been
 * thrown out of it is not woken by it any more.
 */
export class Waiter {
  #greenlet: Greenlet | undefined;
  #switched = false;

  /** Whether a greenlet waits in it. */
  get waiting(): boolean {
    return this.#greenlet !== undefined;
  }

  /** Resumes the greenlet that waits; if none does yet, `get` will not wait. */
  readonly switch = (): void => {
    this.#switched = true;
    this.#greenlet?.switch();
  };

  /** Throws an error into the greenlet that waits, if one does. */
  throw(error: unknown): void {
    this.#greenlet?.throw(error);
  }

  /**
   * Waits. This is the one place where a greenlet switches to the hub.
   *
   * @param timeout Milliseconds; unless given, for ever.
   * @returns Whether it was resumed by `switch`, and not because the time was up.
   */
  *get(timeout?: number): Waiting<boolean> {
    if (!this.#switched) {
      const greenlet = this.#greenlet = getCurrent();
      const timer = timeout === undefined ? undefined : after(timeout, () => greenlet.switch());
      try {
        yield;
      } finally {
        this.#greenlet = undefined;
        if (timer !== undefined) getHub().timers.delete(timer);
      }
    }
    const switched = this.#switched;
    this.#switched = false;
    return switched;
  }
}

function after(milliseconds: number, callback: () => void): Timer<() => void> {
  return getHub().timers.add(performance.now() + milliseconds, callback);
}

/**
 * gevent's AbstractLinkable: functions that are called, in the order in which they came, in the
 * round after something has happened; each of them once.
 */
export class Links<Source> {
  readonly #source: Source;
  readonly #callbacks = new Set<(source: Source) => void>();
  #scheduled = false;

  /** No functions yet; they will be called with the source of what happens. */
  constructor(source: Source) {
    this.#source = source;
  }

  /** Adds a function. */
  add(callback: (source: Source) => void): void {
    this.#callbacks.add(callback);
  }

  /** Removes one. */
  delete(callback: (source: Source) => void): void {
    this.#callbacks.delete(callback);
  }

  /** Has those called that will be there then. */
  notify(): void {
    if (this.#scheduled || this.#callbacks.size === 0) return;
    this.#scheduled = true;
    getHub().runCallback(() => {
      this.#scheduled = false;
      // One of them may remove another, and those that are added now are not meant.
      for (const callback of [...this.#callbacks]) {
        if (this.#callbacks.delete(callback)) call(() => callback(this.#source));
      }
    });
  }

  /** Waits until it is notified, and returns whether that was within `timeout` milliseconds. */
  *wait(timeout?: number): Waiting<boolean> {
    const waiter = new Waiter();
    this.add(waiter.switch);
    try {
      return yield* waiter.get(timeout);
    } finally {
      this.delete(waiter.switch);
    }
  }
}

/** gevent.Greenlet: a function that runs beside others, and lets them run while it waits. */
export class Greenlet<Result = unknown> {
  static #count = 0;
  /** Its number: they are counted from 0 on. */
  readonly ident: number = Greenlet.#count++;
  /** What it has returned; the GreenletExit if it was killed; undefined if it has failed. */
  value: Result | GreenletExit | undefined;
  /** The error that has ended it; undefined if there was none. */
  exception: unknown;
  // deno-lint-ignore no-explicit-any -- which arguments it takes is checked where it is spawned
  readonly #run: Run<any[], Result>;
  readonly #args: unknown[];
  #generator: Waiting<Result> | undefined;
  #state: "new" | "started" | "running" | "successful" | "failed" = "new";
  #timer: Timer<() => void> | undefined; // of startLater
  #links: Links<Greenlet> | undefined;

  /** A greenlet that will call `run`, but has not been started yet. */
  // deno-lint-ignore no-explicit-any -- as above
  constructor(run: Run<any[], Result>, ...args: unknown[]) {
    this.#run = run;
    this.#args = args;
    this.#tell("created");
  }

  #tell(state: string): void {
    publish(state, this.ident, `${this.#run.name || "greenlet"}-${this.ident}`);
  }

  /** Has it begin in the next round. */
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
    if (this.#state === "started") this.switch(); // else it was killed before
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

  /** Goes on with it until it waits again; only the hub does that. */
  switch(): void {
    this.#resume(undefined);
  }

  /** Goes on with it by throwing an error where it waits; if it has not begun, it never will. */
  throw(error: unknown): void {
    if (this.#state === "running") this.#resume({ error });
    else if (!this.dead) this.#fail(error);
  }

  #resume(thrown: { error: unknown } | undefined): void {
    current = this as Greenlet;
    this.#tell("running");
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
      this.#tell("suspended");
      if (value === undefined) return;
      const error = new TypeError("a greenlet waits with yield*, and not with yield alone");
      getHub().runCallback(() => this.throw(error));
    } catch (error) {
      this.#fail(error);
    } finally {
      current = undefined;
    }
  }

  #fail(error: unknown): void {
    if (error instanceof GreenletExit) return this.#end("successful", error);
    this.exception = error;
    this.#end("failed", undefined);
    if ((this as Greenlet) !== getHub().main) report(this as Greenlet, error);
  }

  #end(state: "successful" | "failed", value: Result | GreenletExit | undefined): void {
    this.#tell("ended");
    this.#state = state;
    this.value = value;
    this.#generator = undefined;
    this.#links?.notify();
  }

  /** Has a function called in the round after it has ended, with this greenlet. */
  rawlink(callback: (greenlet: Greenlet) => void): void {
    this.#links ??= new Links(this as Greenlet);
    this.#links.add(callback);
    if (this.dead) this.#links.notify();
  }

  /** Takes such a function back. */
  unlink(callback: (greenlet: Greenlet) => void): void {
    this.#links?.delete(callback);
  }

  /** Waits until it has ended, or for `timeout` milliseconds. */
  *join(timeout?: number): Waiting {
    if (this.dead) return;
    this.#links ??= new Links(this as Greenlet);
    yield* this.#links.wait(timeout);
  }

  /**
   * Waits for what it returns.
   *
   * @throws {unknown} the error that has ended it.
   * @throws {Timeout} if it takes more than `timeout` milliseconds.
   */
  *get(timeout?: number): Waiting<Result | GreenletExit> {
    using _limit = timeout === undefined ? undefined : new Timeout(timeout);
    yield* this.join();
    if (this.#state === "failed") throw this.exception;
    return this.value as Result | GreenletExit;
  }

  /**
   * Throws an error into it, in the next round; its `finally` blocks run. If it has not begun, it
   * never will. Called with `yield*`, this waits until it has ended; without, it does not, which is
   * `block=False` in gevent.
   *
   * @param timeout How long to wait for its end, in milliseconds.
   */
  kill(error: unknown = new GreenletExit(), timeout?: number): Waiting {
    const thrown = new Waiter();
    if (this.#state === "running") {
      getHub().runCallback(() => {
        this.throw(error);
        thrown.switch();
      });
    } else {
      if (this.#timer !== undefined) getHub().timers.delete(this.#timer);
      this.throw(error);
      thrown.switch();
    }
    return this.#joinAfter(thrown, timeout);
  }

  *#joinAfter(waiter: Waiter, timeout?: number): Waiting {
    yield* waiter.get();
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

function isGenerator<Result>(result: Waiting<Result> | Result): result is Waiting<Result> {
  return Object.prototype.toString.call(result) === "[object Generator]";
}

/** What becomes of an error that nobody has caught: it ends its greenlet, and is not lost. */
function report(greenlet: Greenlet, error: unknown): void {
  const isError = error instanceof Error;
  console.error(isError ? error.stack : String(error));
  console.error(`${greenlet} failed with ${isError ? error.name : typeof error}`);
}

/**
 * gevent.Timeout: is thrown where the current greenlet waits when its time is up. It begins with
 * its construction; `using` ends it with its block. To catch one's own, compare it: it may be that
 * of a caller.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const result = runMain(function* () {
 *   using timeout = new Timeout(10);
 *   try {
 *     yield* sleep(60_000);
 *   } catch (error) {
 *     if (error !== timeout) throw error;
 *     return "too late";
 *   }
 * });
 * assertEquals(result, "too late");
 * ```
 */
export class Timeout extends Error implements Disposable {
  /** The class's name, for messages. */
  override name = "Timeout";
  #timer: Timer<() => void> | undefined;

  /** Begins; unless `milliseconds` are given, it never ends. */
  constructor(readonly milliseconds?: number) {
    super(`${milliseconds} ms`);
    this.start();
  }

  /** Begins once more, after it was cancelled or thrown. */
  start(): void {
    this.cancel();
    if (this.milliseconds === undefined) return;
    const greenlet = getCurrent();
    this.#timer = after(this.milliseconds, () => {
      this.#timer = undefined;
      greenlet.throw(this);
    });
  }

  /** Whether it will still be thrown. */
  get pending(): boolean {
    return this.#timer !== undefined;
  }

  /** Sees to it that it is not thrown any more. */
  cancel(): void {
    if (this.#timer !== undefined) getHub().timers.delete(this.#timer);
    this.#timer = undefined;
  }

  /** Cancels it. */
  [Symbol.dispose](): void {
    this.cancel();
  }
}

/** A function that a greenlet can run; a generator function, if it waits. */
export type Run<Args extends unknown[], Result> = (...args: Args) => Waiting<Result> | Result;

/**
 * Runs a function as the main greenlet, which is the whole program in gevent, with a hub for it and
 * for all that it spawns. Greenlets that have not ended with it are left where they are.
 *
 * @returns What the function returns.
 * @throws {unknown} what it throws.
 * @throws {LoopExit} if it waits, and nothing is left that could wake anybody.
 */
export function runMain<Result>(run: Run<[], Result>): Result {
  if (hub !== undefined) throw new Error("there is a hub already");
  const main = new Greenlet(run);
  using own = hub = new Hub(main as Greenlet);
  try {
    own.run();
  } finally {
    hub = undefined;
  }
  if (!main.successful()) throw main.exception;
  return main.value as Result;
}

/** gevent.spawn: a greenlet that begins in the next round. */
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

/** gevent.sleep: lets the others run for so many milliseconds; with 0, whoever is ready now. */
export function* sleep(milliseconds = 0): Waiting {
  const waiter = new Waiter();
  const atOnce = milliseconds <= 0;
  if (atOnce) getHub().runCallback(waiter.switch);
  yield* waiter.get(atOnce ? undefined : milliseconds);
}

/**
 * gevent.joinall: waits until all have ended, or for `timeout` milliseconds.
 *
 * @returns Those that have ended, in that order.
 */
export function* joinAll(greenlets: Iterable<Greenlet>, timeout?: number): Waiting<Greenlet[]> {
  const finished: Greenlet[] = [];
  const missing = new Set(greenlets);
  const waiter = new Waiter();
  function note(greenlet: Greenlet) {
    finished.push(greenlet);
    missing.delete(greenlet);
    if (missing.size === 0) waiter.switch();
  }
  for (const greenlet of missing) greenlet.rawlink(note);
  try {
    if (missing.size > 0) yield* waiter.get(timeout);
  } finally {
    for (const greenlet of missing) greenlet.unlink(note);
  }
  return finished;
}

/**
 * gevent.killall: like `kill` for each of them. Called with `yield*`, it waits for their ends.
 *
 * @throws {Timeout} if that takes more than `timeout` milliseconds.
 */
export function killAll(greenlets: Iterable<Greenlet>, timeout?: number): Waiting {
  const all = [...greenlets];
  for (const greenlet of all) greenlet.kill();
  return joinWithin(all, timeout);
}

function* joinWithin(greenlets: Greenlet[], timeout?: number): Waiting {
  using _limit = timeout === undefined ? undefined : new Timeout(timeout);
  yield* joinAll(greenlets);
}

/** gevent.socket.wait_read: waits until there is something to read, or somebody to accept. */
export function waitRead(fd: number): Waiting {
  return getHub().wait(fd, EVENT_READ);
}

/** gevent.socket.wait_write: waits until there is room to write. */
export function waitWrite(fd: number): Waiting {
  return getHub().wait(fd, EVENT_WRITE);
}
