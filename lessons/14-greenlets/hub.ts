/**
 * gevent's hub, rebuilt: it alone waits in the kernel, and resumes greenlets one after another.
 *
 * gevent's greenlets have a stack of their own, so any function, however deep, can switch. A
 * JavaScript generator pauses alone, without its callers; so here every function that waits is a
 * generator, and is called with `yield*` by a function that is one as well. Names and meanings are
 * gevent's (22.10), in camelCase, and times are in milliseconds.
 *
 * @module
 */

import { close } from "../../shared/linux/descriptors.ts";
import { EBADF, ENOENT, orThrow, systemError } from "../../shared/linux/errno.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
  EPOLLOUT,
  tryEpollCtl,
} from "../../shared/linux/epoll.ts";
import { type Timer, Timers } from "../../shared/timers.ts";

/** What a function that waits returns. Called with `yield*`, it gives its result in the end. */
export type Coroutine<Result = void> = Generator<void, Result, void>;

/** gevent.hub.LoopExit: all greenlets wait, and nothing is left that could wake one of them. */
export class LoopExit extends Error {
  /** The class's name, for messages. */
  override readonly name = "LoopExit";
}

/** A greenlet, as the hub sees it. */
export interface Resumable {
  /** Whether it has ended. */
  readonly dead: boolean;
  /** Resumes it until it waits again. */
  switch(): void;
  /** Resumes it by throwing an error where it waits. */
  throw(error: unknown): void;
}

/** A descriptor, and where greenlets wait for it. */
interface Watcher {
  /** What it is registered for, EPOLLIN or EPOLLOUT or both; 0 if it is not registered. */
  events: number;
  /** How often epoll_wait had been called when it was made. */
  readonly since: number;
  readonly reader: Waiter;
  readonly writer: Waiter;
}

/** How long callbacks may keep the hub from timers and sockets: gevent's switch interval. */
const SWITCH_INTERVAL = 5;
/** How many callbacks are called before it looks at the clock. */
const CHECK_COUNT = 50;
/** The longest time that epoll_wait takes. */
const LONGEST = 0x7fff_ffff;

/** The hub that runs; undefined outside of `runMain`. */
export let hub: Hub | undefined;

/** gevent.hub.Hub. */
export class Hub implements Disposable {
  /** The greenlet of `runMain`, whose end is the hub's. */
  readonly main: Resumable;
  /** The greenlet that runs; undefined while a callback does. */
  current: Resumable | undefined;
  /** Timers, and what to call when their time has come. */
  readonly timers: Timers<() => void> = new Timers();
  readonly #callbacks: (() => void)[] = [];
  readonly #epoll = epoll_create1();
  readonly #events = new EpollEvents(1024);
  readonly #watchers: (Watcher | undefined)[] = []; // by descriptor
  #polls = 0; // calls of epoll_wait
  #waiting = 0; // greenlets that wait for a descriptor

  /** The hub from now on; it runs until its main greenlet has ended. */
  constructor(main: Resumable) {
    this.main = main;
    hub = this;
  }

  /** loop.run_callback: calls a function soon, after those that were scheduled before it. */
  runCallback(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  /** Resumes greenlets, round after round, in the order in which they became ready. */
  run(): void {
    const { main, timers } = this;
    main.switch();
    while (!main.dead) {
      this.#runCallbacks();
      const ready = main.dead ? 0 : this.#poll();
      const now = performance.now();
      for (let timer; !main.dead && (timer = timers.takeDue(now)) !== undefined;) {
        call(timer.item, undefined);
      }
      for (let i = 0; i < ready && !main.dead; i++) {
        this.#wake(this.#events.fd(i), this.#events.events(i));
      }
    }
  }

  /**
   * Calls all callbacks, and those that they schedule. Looks at the clock after each 50 of them,
   * and stops after 5 ms.
   */
  #runCallbacks(): void {
    const callbacks = this.#callbacks;
    if (callbacks.length === 0) return;
    const end = performance.now() + SWITCH_INTERVAL;
    let called = 0;
    while (called < callbacks.length && !this.main.dead) {
      call(callbacks[called++], undefined);
      if (called % CHECK_COUNT === 0 && performance.now() >= end) break;
    }
    callbacks.splice(0, called);
  }

  /**
   * Phase 1, for all greenlets together: the only place where the thread sleeps.
   *
   * @returns How many descriptors are ready.
   */
  #poll(): number {
    const { next } = this.timers;
    let timeout = -1; // without a limit
    if (this.#callbacks.length > 0) timeout = 0;
    else if (next !== undefined) {
      timeout = Math.min(Math.max(0, Math.ceil(next.time - performance.now())), LONGEST);
    } else if (this.#waiting === 0) {
      this.main.throw(new LoopExit("This operation would block forever"));
      return 0;
    }
    if (this.#waiting === 0 && timeout === 0) return 0; // saves a system call
    this.#polls++;
    return epoll_wait(this.#epoll, this.#events, timeout);
  }

  #wake(fd: number, events: number): void {
    const watcher = this.#watchers[fd];
    // A greenlet whose turn came first may have closed it, and its number may be another one's.
    if (watcher === undefined || watcher.since === this.#polls) return;
    const { reader, writer } = watcher;
    const wanted = (reader.waiting ? EPOLLIN : 0) | (writer.waiting ? EPOLLOUT : 0);
    // Errors and hang-ups count as both, so that recv or send finds out.
    const ready = (events & ~EPOLLOUT ? EPOLLIN : 0) | (events & ~EPOLLIN ? EPOLLOUT : 0);
    // epoll would report again and again what no greenlet waits for.
    if (ready & ~wanted & watcher.events) this.#register(fd, watcher, watcher.events & wanted);
    if (ready & wanted & EPOLLIN) reader.switch();
    if (ready & wanted & EPOLLOUT && this.#watchers[fd] === watcher) writer.switch();
  }

  /**
   * Lets the current greenlet wait until a descriptor is ready for EPOLLIN or EPOLLOUT.
   *
   * @throws {Deno.errors.BadResource} if it is closed meanwhile.
   */
  *wait(fd: number, event: number): Coroutine {
    const watcher = this.#watchers[fd] ??= {
      events: 0,
      since: this.#polls,
      reader: new Waiter(),
      writer: new Waiter(),
    };
    const waiter = event === EPOLLIN ? watcher.reader : watcher.writer;
    if (waiter.waiting) throw new Error(`descriptor ${fd} is already used by another greenlet`);
    // It stays registered from now on, so that later waits for it cost no further system call.
    if (!(watcher.events & event)) this.#register(fd, watcher, watcher.events | event);
    this.#waiting++;
    try {
      yield* waiter.get();
    } finally {
      this.#waiting--;
    }
  }

  #register(fd: number, watcher: Watcher, events: number): void {
    if (events === 0) {
      const result = tryEpollCtl(this.#epoll, EPOLL_CTL_DEL, fd);
      // close(2) itself may have closed it, and then the kernel has forgotten it already.
      if (result !== -ENOENT && result !== -EBADF) orThrow("epoll_ctl", result, fd);
    } else epoll_ctl(this.#epoll, watcher.events === 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, events);
    watcher.events = events;
  }

  /** hub.cancel_wait: forgets a descriptor; greenlets that wait for it get an error. */
  cancelWait(fd: number): void {
    const watcher = this.#watchers[fd];
    if (watcher === undefined) return;
    this.#watchers[fd] = undefined;
    if (watcher.events !== 0) this.#register(fd, watcher, 0);
    for (const waiter of [watcher.reader, watcher.writer]) {
      if (waiter.waiting) this.runCallback(() => waiter.throw(systemError("close", EBADF, fd)));
    }
  }

  /** Closes what the hub itself uses; from now on there is none. */
  [Symbol.dispose](): void {
    close(this.#epoll);
    hub = undefined;
  }
}

/** Calls a function of the hub's. If it fails, that is reported, and concerns no other. */
export function call<Argument>(callback: (argument: Argument) => void, argument: Argument): void {
  try {
    callback(argument);
  } catch (error) {
    console.error("A callback of the hub failed:", error);
  }
}

/**
 * gevent.get_hub: the hub that runs.
 *
 * @throws {Error} outside of `runMain`.
 */
export function getHub(): Hub {
  if (hub === undefined) throw new Error("there is no hub: greenlets live within runMain");
  return hub;
}

/**
 * The greenlet that runs, as the hub sees it.
 *
 * @throws {Error} in a callback of the hub, which must not wait.
 */
export function currentGreenlet(): Resumable {
  const { current } = getHub();
  if (current === undefined) throw new Error("only a greenlet can wait, and not the hub");
  return current;
}

/**
 * gevent.hub.Waiter: where a greenlet waits until `switch` is called. A greenlet that has been
 * thrown out of it is not woken by it any more.
 */
export class Waiter {
  #greenlet: Resumable | undefined;
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
   * @param timeout Milliseconds; without it, until `switch` is called.
   * @returns Whether it was resumed by `switch`, and not because the time was up.
   */
  *get(timeout?: number): Coroutine<boolean> {
    if (!this.#switched) {
      const greenlet = this.#greenlet = currentGreenlet();
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

/** Has a function called by the hub in some milliseconds. */
export function after(milliseconds: number, callback: () => void): Timer<() => void> {
  return getHub().timers.add(performance.now() + milliseconds, callback);
}

/** gevent.sleep: lets the others run for so many milliseconds; with 0, those that are ready now. */
export function* sleep(milliseconds = 0): Coroutine {
  const waiter = new Waiter();
  const atOnce = milliseconds <= 0;
  if (atOnce) getHub().runCallback(waiter.switch);
  yield* waiter.get(atOnce ? undefined : milliseconds);
}

/** gevent.socket.wait_read: waits until there is something to read, or a client to accept. */
export function waitRead(fd: number): Coroutine {
  return getHub().wait(fd, EPOLLIN);
}

/** gevent.socket.wait_write: waits until there is room to write. */
export function waitWrite(fd: number): Coroutine {
  return getHub().wait(fd, EPOLLOUT);
}
