/**
 * What all selectors have in common: which descriptors are registered, and what is an error.
 *
 * @module
 */

import { EVENT_READ, EVENT_WRITE, type SelectorKey } from "./selector.ts";

/** A key as the selectors themselves see it. */
export type Entry<Data> = { -readonly [Name in keyof SelectorKey<Data>]: SelectorKey<Data>[Name] };

/** The registered descriptors. */
export class Registry<Data> {
  /** By descriptor. Those are small numbers, so an array finds them faster than a map does. */
  readonly entries: (Entry<Data> | undefined)[] = [];
  /** What `select` returns. It is used again for each call, which then allocates nothing. */
  readonly ready: Entry<Data>[] = [];

  /** The entry of a descriptor; throws if it has none. */
  get(fd: number): Entry<Data> {
    const entry = this.entries[fd];
    if (entry === undefined) throw new Error(`descriptor ${fd} is not registered`);
    return entry;
  }

  /** Adds an entry; throws if the descriptor has one, or if there can be no such descriptor. */
  add(fd: number, events: number, data: Data): void {
    if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fff_ffff) {
      throw new RangeError(`${fd} is not a descriptor: those are whole numbers from 0 on`);
    }
    if (this.entries[fd] !== undefined) throw new Error(`descriptor ${fd} is registered already`);
    this.entries[fd] = { fd, events: checked(events), ready: 0, data };
  }

  /** Changes an entry; throws if the descriptor has none. */
  modify(fd: number, events: number, data: Data): void {
    const entry = this.get(fd);
    entry.events = checked(events);
    entry.data = data;
  }

  /** Removes the entry of a descriptor, and returns what it waited for. */
  delete(fd: number): number {
    const { events } = this.get(fd);
    this.entries[fd] = undefined;
    return events;
  }

  /**
   * Puts an entry among those that are ready, if it waits for what it is ready for. What is neither
   * of the events is an error or a hang-up. These count as both, so that whatever waits for the
   * descriptor finds out.
   */
  report(entry: Entry<Data>, reported: number): void {
    const ready = (reported & ~EVENT_WRITE ? EVENT_READ : 0) |
      (reported & ~EVENT_READ ? EVENT_WRITE : 0);
    entry.ready = ready & entry.events;
    if (entry.ready !== 0) this.ready.push(entry);
  }
}

/** The same events. Throws if they mean nothing, as Python's selectors do with a ValueError. */
export function checked(events: number): number {
  // The bits of 1.5 are those of 1, and those of NaN are none.
  if (Number.isInteger(events) && (events & ~(EVENT_READ | EVENT_WRITE)) === 0) return events;
  throw new RangeError(`${events} is not a combination of EVENT_READ and EVENT_WRITE`);
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
