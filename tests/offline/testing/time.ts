/**
 * What the tests use of `@std/testing/time`.
 *
 * @module
 */

/** What FakeTime replaces. `@std` leaves performance.now() alone, and so does this. */
const real = { Date, setTimeout, clearTimeout, setInterval, clearInterval };
const realTimeout = AbortSignal.timeout;

interface Timer {
  due: number;
  /** The pause between two calls, if there is more than one. */
  interval?: number;
  call: () => void;
}

/** The time that is in force at the moment. */
let current: FakeTime | undefined;

/** An error in the use of {@linkcode FakeTime}. */
export class TimeError extends Error {
  /** The name of the class. */
  override name = "TimeError";
}

/** A clock with timers, instead of Date, setTimeout and setInterval, that moves only on demand. */
export class FakeTime {
  /** Where the time began, in milliseconds since 1970. */
  readonly start: number;
  #now: number;
  #lastId = 0;
  readonly #timers = new Map<number, Timer>();

  /** Stops the time, at `start` if it is given. */
  constructor(start?: number | string | Date | null) {
    if (current) throw new TimeError("Time is already faked");
    this.start = this.#now = new real.Date(start ?? real.Date.now()).getTime();
    if (Number.isNaN(this.start)) throw new TypeError(`Invalid start: ${start}`);
    current = this;
    const clear = (id: number) => void this.#timers.delete(id);
    Object.assign(globalThis, {
      Date: new Proxy(real.Date, {
        construct: (target, args, newTarget) =>
          Reflect.construct(target, args.length === 0 ? [this.#now] : args, newTarget),
        apply: () => new real.Date(this.#now).toString(),
        get: (target, key) => key === "now" ? () => this.#now : Reflect.get(target, key),
      }),
      setTimeout: (call: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
        this.#add({ due: this.#now + Math.max(0, Math.floor(ms)), call: () => call(...args) }),
      setInterval: (call: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        const interval = Math.max(1, Math.floor(ms));
        return this.#add({ due: this.#now + interval, interval, call: () => call(...args) });
      },
      clearTimeout: clear,
      clearInterval: clear,
    });
    AbortSignal.timeout = (ms) => {
      const aborter = new AbortController();
      setTimeout(() => aborter.abort(new DOMException("Signal timed out.", "TimeoutError")), ms);
      return aborter.signal;
    };
  }

  /** Milliseconds since 1970. Setting it calls all that is due until then, in order. */
  get now(): number {
    return this.#now;
  }
  set now(value: number) {
    if (value < this.#now) throw new RangeError("Time cannot go backwards");
    for (let next = this.#next(); next && next[1].due <= value; next = this.#next()) {
      const [id, timer] = next;
      this.#now = timer.due;
      // A timer that is due again goes behind those that are due at the same time already.
      this.#timers.delete(id);
      if (timer.interval !== undefined) {
        this.#timers.set(id, { ...timer, due: timer.due + timer.interval });
      }
      timer.call();
    }
    this.#now = value;
  }

  /** Moves the time on by `ms` milliseconds. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** Lets promises go on, then moves the time on by `ms` milliseconds. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Moves the time on to the next timer, and returns whether there was one. */
  next(): boolean {
    const next = this.#next();
    if (next) this.now = next[1].due;
    return next !== undefined;
  }

  /** Lets promises go on, then does what {@linkcode FakeTime.next} does. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Moves the time on until there is no timer left. */
  runAll(): void {
    while (this.next());
  }

  /** Moves the time on until there is no timer left, and lets promises go on before each. */
  async runAllAsync(): Promise<void> {
    while (this.#timers.size > 0) await this.nextAsync();
  }

  /** Lets promises go on until none can. */
  async runMicrotasks(): Promise<void> {
    await new Promise((resolve) => real.setTimeout(resolve, 0));
  }

  /** Gives back the real time. */
  restore(): void {
    if (current !== this) throw new TimeError("Time is already restored");
    current = undefined;
    Object.assign(globalThis, real);
    AbortSignal.timeout = realTimeout;
  }

  /** The same, at the end of a block that says `using`. */
  [Symbol.dispose](): void {
    this.restore();
  }

  #add(timer: Timer): number {
    this.#timers.set(++this.#lastId, timer);
    return this.#lastId;
  }

  #next(): [id: number, timer: Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of this.#timers) if (!first || entry[1].due < first[1].due) first = entry;
    return first;
  }
}
