/**
 * asyncio, rebuilt: a loop that resumes coroutines when what they wait for has happened. It is the
 * scheduler of lesson 12, which knows time, over the selector of lesson 07, which knows sockets.
 *
 * A coroutine is a generator. It waits for something with `yield*`, where Python writes `await`,
 * and so does every function that calls it: see futures.ts and tasks.ts.
 *
 * @module
 */

import { DefaultSelector } from "../../shared/selectors/default.ts";
import { EVENT_READ, EVENT_WRITE, type SelectorKey } from "../../shared/selectors/selector.ts";
import { Timers } from "../../shared/timers.ts";
import { CancelledError, type Coroutine, Future, type Loop, setRunningLoop } from "./futures.ts";
import { createTask, Task } from "./tasks.ts";

/** Thrown by {@linkcode run} when all tasks wait for one another, where asyncio would hang. */
export class DeadlockError extends Error {
  /** The class's name, for messages. */
  override readonly name = "DeadlockError";
}

/** A registered descriptor, and the futures of the coroutines waiting for it. */
interface Registration {
  readonly fd: number;
  events: number;
  readable?: Future;
  writable?: Future;
}

/** How many errors wait for somebody to ask for them, before the oldest is reported. */
const MOST_UNRETRIEVED = 100;

/** The loop; {@linkcode run} makes one. */
class EventLoop implements Loop, Disposable {
  readonly timers = new Timers<() => void>();
  readonly tasks = new Set<Task<unknown>>();
  readonly failed = new Set<Future<unknown>>();
  readonly unretrieved = new Set<Future<unknown>>();
  readonly #selector = new DefaultSelector<Registration>();
  readonly #registrations: (Registration | undefined)[] = []; // by descriptor
  #waiting = 0; // coroutines that wait for a descriptor
  #ready: unknown[] = []; // functions, each followed by what it is called with

  callSoon<Argument>(callback: (argument: Argument) => void, argument: Argument): void {
    this.#ready.push(callback, argument);
  }

  /** One round: waits until something can go on, and lets everything go on that can. */
  round(): void {
    const timeout = this.#timeout();
    if (timeout !== 0 || this.#waiting > 0) {
      // Phase 1, for all coroutines together: the only place where the thread sleeps.
      for (const key of this.#selector.select(timeout)) this.#wake(key);
    }
    const now = performance.now();
    for (let timer; (timer = this.timers.takeDue(now)) !== undefined;) {
      this.callSoon(timer.item, undefined);
    }
    // What becomes ready from here on waits for the next round, so that sockets get their turn.
    const ready = this.#ready;
    this.#ready = [];
    for (let i = 0; i < ready.length; i += 2) {
      try {
        (ready[i] as (argument: unknown) => void)(ready[i + 1]);
      } catch (error) {
        console.error("Exception in a callback:", error);
      }
    }
    for (const future of this.failed) report(future);
    if (this.unretrieved.size > MOST_UNRETRIEVED) report([...this.unretrieved][0]);
  }

  /** How long nothing can go on, in milliseconds; undefined until a descriptor is ready. */
  #timeout(): number | undefined {
    if (this.#ready.length > 0) return 0;
    const { next } = this.timers;
    if (next !== undefined) return Math.max(next.time - performance.now(), 0);
    if (this.#waiting > 0) return undefined;
    const names = [...this.tasks].map(({ name }) => name).join(", ");
    throw new DeadlockError(`all tasks wait, and nothing is left that could wake them: ${names}`);
  }

  *readiness(fd: number, event: number): Coroutine {
    const registration = this.#registrations[fd] ??= { fd, events: 0 };
    const side = event === EVENT_READ ? "readable" : "writable";
    if (registration[side]?.done() === false) {
      throw new Error(`another coroutine waits for descriptor ${fd} already`);
    }
    // It stays registered from now on, so that later waits for it cost no further system call.
    const { events } = registration;
    if ((events & event) === 0) this.#register(registration, events | event);
    this.#waiting++;
    try {
      yield* registration[side] = new Future();
    } finally {
      this.#waiting--;
    }
    // It was ready. But a coroutine whose turn came first may have closed it, and by now its number
    // may be that of another connection.
    if (this.#registrations[fd] !== registration) {
      throw new CancelledError("the descriptor was closed");
    }
  }

  #register(registration: Registration, events: number): void {
    const { fd } = registration;
    if (registration.events === 0) this.#selector.register(fd, events, registration);
    else if (events !== 0) this.#selector.modify(fd, events, registration);
    else this.#selector.unregister(fd);
    registration.events = events;
  }

  #wake({ ready, data: registration }: SelectorKey<Registration>): void {
    let unwanted = 0;
    if (ready & EVENT_READ && !wake(registration.readable)) unwanted |= EVENT_READ;
    if (ready & EVENT_WRITE && !wake(registration.writable)) unwanted |= EVENT_WRITE;
    // The selector would report it again and again, although no coroutine waits for it.
    if (unwanted !== 0) this.#register(registration, registration.events & ~unwanted);
  }

  forget(fd: number): void {
    const registration = this.#registrations[fd];
    if (registration === undefined) return;
    this.#registrations[fd] = undefined;
    if (registration.events !== 0) this.#register(registration, 0);
    registration.readable?.cancel();
    registration.writable?.cancel();
  }

  /** Reports tasks that are left and errors that nobody has asked for; releases the selector. */
  [Symbol.dispose](): void {
    for (const { name } of this.tasks) {
      console.error(`Task ${name}: it was destroyed while it was pending`);
    }
    for (const future of this.unretrieved) report(future);
    this.#selector[Symbol.dispose]();
  }
}

/** Wakes the waiter, if there is one. */
function wake(waiter: Future | undefined): boolean {
  if (waiter === undefined || waiter.done()) return false;
  waiter.setResult();
  return true;
}

/** Reports an error that nobody has asked for; asking for it takes it off the loop's lists. */
function report(future: Future<unknown>): void {
  const name = future instanceof Task ? `Task ${future.name}` : "Future";
  console.error(`${name}: its exception was never retrieved:`, future.exception());
}

/**
 * Runs a coroutine, and all that it starts, until it is done; blocks the thread meanwhile. Tasks
 * that are left are cancelled then. Counterpart: `asyncio.run`.
 *
 * @returns Its result; or throws its error.
 * @throws {DeadlockError} if all tasks wait for one another, after having cancelled them.
 */
export function run<Result>(main: Coroutine<Result>): Result {
  using loop = new EventLoop();
  setRunningLoop(loop);
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
    setRunningLoop(undefined);
  }
}
