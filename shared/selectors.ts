/**
 * One interface over select, poll and epoll, after Python's module of the same name: each
 * descriptor is registered with what it waits for and with something of the caller's, mostly a
 * callback.
 *
 * @module
 */

import { close } from "./linux/descriptors.ts";
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
} from "./linux/epoll.ts";
import { poll, POLLIN, PollList, POLLOUT } from "./linux/poll.ts";
import { FdSet, select } from "./linux/select.ts";

/** Wait until there is something to read, or somebody to accept. */
export const EVENT_READ = 1;
/** Wait until there is room to write. */
export const EVENT_WRITE = 2;

/** A registered descriptor. */
export interface SelectorKey<Data> {
  /** The descriptor. */
  readonly fd: number;
  /** What it waits for: EVENT_READ, EVENT_WRITE, both, or 0 for nothing, not even an error. */
  readonly events: number;
  /** What it was ready for when `select` reported it last. */
  readonly ready: number;
  /** Whatever the caller has registered with it. */
  readonly data: Data;
}

/** What every selector supplies. */
export interface Selector<Data> extends Disposable {
  /** How many descriptors are registered. */
  readonly size: number;

  /**
   * Begins to watch a descriptor.
   *
   * @throws {Error} if it is registered already, or if the kernel refuses to watch it.
   */
  register(fd: number, events: number, data: Data): void;

  /**
   * Changes what a descriptor waits for, and what is registered with it.
   *
   * @throws {Error} if it is not registered.
   */
  modify(fd: number, events: number, data: Data): void;

  /**
   * Ends the watching of a descriptor, which must be done before it is closed.
   *
   * @throws {Error} if it is not registered.
   */
  unregister(fd: number): void;

  /**
   * Waits until at least one descriptor is ready. A connection that is broken counts as ready for
   * what was waited for: reading or writing then tells what happened.
   *
   * @param timeout Milliseconds; 0 or less does not wait at all, undefined waits for ever.
   * @returns The keys of those that are ready, in an array that the next call uses again. It is
   *   empty when the time is up, or when a signal came.
   */
  select(timeout?: number): readonly SelectorKey<Data>[];

  /** Releases what the selector itself uses. The registered descriptors stay open. */
  close(): void;
}

/** A key as the selectors themselves see it. */
interface Entry<Data> extends SelectorKey<Data> {
  events: number;
  ready: number;
  data: Data;
  /** Its place in the list of a PollSelector. */
  place: number;
}

/** What is the same in all selectors: the registered descriptors, and the errors about them. */
class Registry<Data> {
  // Descriptors are small numbers, so an array finds them faster than a map does.
  readonly #entries: (Entry<Data> | undefined)[] = [];
  /** What `select` returns, used again for each call. */
  readonly ready: Entry<Data>[] = [];
  size = 0;

  get(fd: number): Entry<Data> {
    const entry = this.#entries[fd];
    if (entry === undefined) throw new Error(`descriptor ${fd} is not registered`);
    return entry;
  }

  add(fd: number, events: number, data: Data): Entry<Data> {
    if (this.#entries[fd] !== undefined) throw new Error(`descriptor ${fd} is registered already`);
    this.size++;
    return this.#entries[fd] = { fd, events, ready: 0, data, place: 0 };
  }

  delete(fd: number): Entry<Data> {
    const entry = this.get(fd);
    this.#entries[fd] = undefined;
    this.size--;
    return entry;
  }

  /** Those that are registered, in the order of their descriptors. */
  *[Symbol.iterator](): Generator<Entry<Data>> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  /** Reports an entry, if it is ready for something that it waits for. */
  report(entry: Entry<Data>, ready: number): void {
    entry.ready = ready & entry.events;
    if (entry.ready !== 0) this.ready.push(entry);
  }
}

/** Over select(2): any system has it, but it ends at descriptor 1,023. */
export class SelectSelector<Data> implements Selector<Data> {
  readonly #registry = new Registry<Data>();
  readonly #readable = new FdSet();
  readonly #writable = new FdSet();

  /** See {@linkcode Selector.size}. */
  get size(): number {
    return this.#registry.size;
  }

  /** See {@linkcode Selector.register}; throws a RangeError for a descriptor of 1,024 or more. */
  register(fd: number, events: number, data: Data): void {
    this.#readable.has(fd); // throws if it has no place
    this.#registry.add(fd, events, data);
  }

  /** See {@linkcode Selector.modify}. */
  modify(fd: number, events: number, data: Data): void {
    Object.assign(this.#registry.get(fd), { events, data });
  }

  /** See {@linkcode Selector.unregister}. */
  unregister(fd: number): void {
    this.#registry.delete(fd);
  }

  /** See {@linkcode Selector.select}. */
  select(timeout?: number): readonly SelectorKey<Data>[] {
    const [registry, readable, writable] = [this.#registry, this.#readable, this.#writable];
    registry.ready.length = 0;
    readable.clear();
    writable.clear();
    let highest = -1;
    for (const { fd, events } of registry) {
      if (events & EVENT_READ) readable.add(fd);
      if (events & EVENT_WRITE) writable.add(fd);
      highest = fd;
    }
    const ready = select(highest + 1, readable, writable, null, bounded(timeout));
    if (ready === 0) return registry.ready;
    for (const entry of registry) {
      const read = readable.has(entry.fd) ? EVENT_READ : 0;
      const write = writable.has(entry.fd) ? EVENT_WRITE : 0;
      registry.report(entry, read | write);
    }
    return registry.ready;
  }

  /** See {@linkcode Selector.close}: there is nothing to release. */
  close(): void {}

  /** Closes it. */
  [Symbol.dispose](): void {}
}

/** Over poll(2): without a limit of its own, but it still looks at every descriptor. */
export class PollSelector<Data> implements Selector<Data> {
  readonly #registry = new Registry<Data>();
  readonly #list = new PollList();

  /** See {@linkcode Selector.size}. */
  get size(): number {
    return this.#registry.size;
  }

  /** See {@linkcode Selector.register}. */
  register(fd: number, events: number, data: Data): void {
    const entry = this.#registry.add(fd, events, data);
    entry.place = this.#list.length;
    this.#list.add(fd, pollEvents(events));
  }

  /** See {@linkcode Selector.modify}. */
  modify(fd: number, events: number, data: Data): void {
    const entry = this.#registry.get(fd);
    entry.data = data;
    if (events === entry.events) return;
    entry.events = events;
    this.#list.watch(entry.place, pollEvents(events));
  }

  /** See {@linkcode Selector.unregister}. */
  unregister(fd: number): void {
    const { place } = this.#registry.delete(fd);
    this.#list.delete(place);
    // The last one has moved into its place.
    if (place < this.#list.length) this.#registry.get(this.#list.fd(place)).place = place;
  }

  /** See {@linkcode Selector.select}. */
  select(timeout?: number): readonly SelectorKey<Data>[] {
    const [registry, list] = [this.#registry, this.#list];
    registry.ready.length = 0;
    let rest = poll(list, toMilliseconds(timeout));
    for (let place = 0; rest > 0; place++) {
      const events = list.revents(place);
      if (events === 0) continue;
      rest--;
      registry.report(registry.get(list.fd(place)), eventsOf(events));
    }
    return registry.ready;
  }

  /** See {@linkcode Selector.close}: there is nothing to release. */
  close(): void {}

  /** Closes it. */
  [Symbol.dispose](): void {}
}

/** Over epoll(7): the kernel keeps the list, and reports only those that are ready. */
export class EpollSelector<Data> implements Selector<Data> {
  readonly #registry = new Registry<Data>();
  readonly #events = new EpollEvents(1024);
  #epoll = epoll_create1();

  /** See {@linkcode Selector.size}. */
  get size(): number {
    return this.#registry.size;
  }

  /** See {@linkcode Selector.register}; throws PermissionDenied for a file. */
  register(fd: number, events: number, data: Data): void {
    this.#registry.add(fd, events, data);
    try {
      this.#control(fd, 0, events);
    } catch (error) {
      this.#registry.delete(fd);
      throw error;
    }
  }

  /** See {@linkcode Selector.modify}. */
  modify(fd: number, events: number, data: Data): void {
    const entry = this.#registry.get(fd);
    this.#control(fd, entry.events, events);
    Object.assign(entry, { events, data });
  }

  /** See {@linkcode Selector.unregister}. */
  unregister(fd: number): void {
    const { events } = this.#registry.delete(fd);
    this.#control(fd, events, 0);
  }

  #control(fd: number, before: number, events: number): void {
    if (events === before) return; // the only case that costs a system call is a change
    // What waits for nothing is not in the kernel's list, or its errors would be told for ever.
    const operation = before === 0 ? EPOLL_CTL_ADD : events === 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    epoll_ctl(this.#epoll, operation, fd, pollEvents(events));
  }

  /** See {@linkcode Selector.select}. */
  select(timeout?: number): readonly SelectorKey<Data>[] {
    const [registry, events] = [this.#registry, this.#events];
    registry.ready.length = 0;
    const count = epoll_wait(this.#epoll, events, toMilliseconds(timeout));
    for (let i = 0; i < count; i++) {
      registry.report(registry.get(events.fd(i)), eventsOf(events.events(i)));
    }
    return registry.ready;
  }

  /** See {@linkcode Selector.close}. May be called twice. */
  close(): void {
    if (this.#epoll !== -1) close(this.#epoll);
    this.#epoll = -1;
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The best selector that the machine has: on Linux, epoll. */
export const DefaultSelector: typeof EpollSelector = EpollSelector;

// The constants of poll and epoll are the same numbers, by design.
function pollEvents(events: number): number {
  return (events & EVENT_READ ? POLLIN : 0) | (events & EVENT_WRITE ? POLLOUT : 0);
}

/** Errors and hang-ups count as both: whoever waits is to find out. */
function eventsOf(events: number): number {
  return (events & ~EPOLLOUT ? EVENT_READ : 0) | (events & ~EPOLLIN ? EVENT_WRITE : 0);
}

/** Milliseconds that any of the three calls takes; undefined waits for ever. */
function bounded(timeout: number | undefined): number | undefined {
  if (timeout === undefined || timeout === Infinity) return undefined;
  if (Number.isNaN(timeout)) throw new RangeError("a timeout has to be a number of milliseconds");
  return Math.min(Math.max(timeout, 0), 0x7fff_ffff);
}

/** Whole milliseconds, rounded up so that nobody is woken too early; -1 waits for ever. */
function toMilliseconds(timeout: number | undefined): number {
  return Math.ceil(bounded(timeout) ?? -1);
}
