/**
 * What all selectors have in common: which descriptors are registered, and what is an error.
 *
 * @module
 */

import { EVENT_READ, EVENT_WRITE, type SelectorKey } from "./selector.ts";

/** A key as the selectors themselves see it. */
export interface Entry<Data> extends SelectorKey<Data> {
  /** What the descriptor waits for. */
  events: number;
  /** What it was ready for. */
  ready: number;
  /** Whatever the caller has registered with it. */
  data: Data;
  /** Its index in the list that poll(2) takes. */
  index: number;
}

/** The registered descriptors. */
export class Registry<Data> {
  // Descriptors are small numbers, so an array finds them faster than a map does.
  readonly #entries: (Entry<Data> | undefined)[] = [];
  /** What `select` returns. It is used again for each call, which then allocates nothing. */
  readonly ready: Entry<Data>[] = [];
  /** How many descriptors are registered. */
  size = 0;

  /** The entry of a descriptor; throws if it has none. */
  get(fd: number): Entry<Data> {
    const entry = this.#entries[fd];
    if (entry === undefined) throw new Error(`descriptor ${fd} is not registered`);
    return entry;
  }

  /** Adds an entry; throws if the descriptor has one, or if there can be no such descriptor. */
  add(fd: number, events: number, data: Data): Entry<Data> {
    if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fff_ffff) {
      throw new RangeError(`${fd} is not a descriptor: those are whole numbers from 0 on`);
    }
    checkEvents(events);
    if (this.#entries[fd] !== undefined) throw new Error(`descriptor ${fd} is registered already`);
    this.size++;
    return this.#entries[fd] = { fd, events, ready: 0, data, index: 0 };
  }

  /** Changes an entry; throws if the descriptor has none. */
  modify(fd: number, events: number, data: Data): void {
    const entry = this.get(fd);
    checkEvents(events);
    entry.events = events;
    entry.data = data;
  }

  /** Removes the entry of a descriptor, and returns it. */
  delete(fd: number): Entry<Data> {
    const entry = this.get(fd);
    this.#entries[fd] = undefined;
    this.size--;
    return entry;
  }

  /** The entries, in the order of their descriptors. */
  *[Symbol.iterator](): Generator<Entry<Data>> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  /** Puts an entry among those that are ready, if it waits for what it is ready for. */
  report(entry: Entry<Data>, ready: number): void {
    entry.ready = ready & entry.events;
    if (entry.ready !== 0) this.ready.push(entry);
  }
}

/** Python's selectors refuse such events as well, with a ValueError. */
function checkEvents(events: number): void {
  // The bits of 1.5 are those of 1, and those of NaN are none.
  if (!Number.isInteger(events) || (events & ~(EVENT_READ | EVENT_WRITE)) !== 0) {
    throw new RangeError(`${events} is not a combination of EVENT_READ and EVENT_WRITE`);
  }
}

/** Milliseconds in the range that all three calls take; undefined waits without a limit. */
export function bounded(timeout: number | undefined): number | undefined {
  if (timeout === undefined || timeout === Infinity) return undefined;
  if (Number.isNaN(timeout)) throw new RangeError("a timeout is a number of milliseconds, not NaN");
  return Math.min(Math.max(timeout, 0), 0x7fff_ffff);
}

/** Whole milliseconds, rounded up so that no wait ends too early; -1 waits without a limit. */
export function wholeMilliseconds(timeout: number | undefined): number {
  return Math.ceil(bounded(timeout) ?? -1);
}
