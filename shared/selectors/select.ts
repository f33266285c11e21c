/**
 * A selector over select(2).
 *
 * @module
 */

import { FdSet, select } from "../linux/select.ts";
import { bounded, Registry } from "./registry.ts";
import {
  EVENT_READ,
  EVENT_WRITE,
  type Selector,
  type SelectorClass,
  type SelectorKey,
} from "./selector.ts";

/** Every system has select, but it ends at descriptor 1,023, and looks at all below the highest. */
export const SelectSelector: SelectorClass = class<Data> implements Selector<Data> {
  readonly #registry = new Registry<Data>();
  readonly #readable = new FdSet();
  readonly #writable = new FdSet();

  register(fd: number, events: number, data: Data): void {
    this.#readable.has(fd); // throws a RangeError if the set has no bit for it
    this.#registry.add(fd, events, data);
  }

  modify(fd: number, events: number, data: Data): void {
    this.#registry.modify(fd, events, data);
  }

  unregister(fd: number): void {
    this.#registry.delete(fd);
  }

  select(timeout?: number): readonly SelectorKey<Data>[] {
    const [registry, readable, writable] = [this.#registry, this.#readable, this.#writable];
    registry.ready.length = 0;
    // The last call has left only the ready ones in the sets.
    readable.clear();
    writable.clear();
    let highest = -1;
    for (const entry of registry.entries) {
      if (entry === undefined) continue;
      highest = entry.fd;
      if (entry.events & EVENT_READ) readable.add(entry.fd);
      if (entry.events & EVENT_WRITE) writable.add(entry.fd);
    }
    const count = select(highest + 1, readable, writable, null, bounded(timeout));
    if (count === 0) return registry.ready;
    for (const entry of registry.entries) {
      if (entry === undefined) continue;
      const read = readable.has(entry.fd) ? EVENT_READ : 0;
      const write = writable.has(entry.fd) ? EVENT_WRITE : 0;
      registry.report(entry, read | write);
    }
    return registry.ready;
  }

  /** Nothing to release: the sets are plain memory. */
  [Symbol.dispose](): void {}
};
