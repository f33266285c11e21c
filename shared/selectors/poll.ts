/**
 * A selector over poll(2).
 *
 * @module
 */

import { poll, PollList } from "../linux/poll.ts";
import { Registry, wholeMilliseconds } from "./registry.ts";
import { type Selector, type SelectorClass, type SelectorKey } from "./selector.ts";

/** poll has no limit of its own, but each call still looks at every descriptor. */
export const PollSelector: SelectorClass = class<Data> implements Selector<Data> {
  readonly #registry = new Registry<Data>();
  readonly #list = new PollList();
  readonly #indexes: number[] = []; // in the list, by descriptor

  register(fd: number, events: number, data: Data): void {
    this.#registry.add(fd, events, data);
    this.#indexes[fd] = this.#list.length;
    this.#list.add(fd, events);
  }

  modify(fd: number, events: number, data: Data): void {
    this.#registry.modify(fd, events, data);
    this.#list.watch(this.#indexes[fd], events);
  }

  unregister(fd: number): void {
    this.#registry.delete(fd);
    const index = this.#indexes[fd];
    this.#list.delete(index);
    // The last one in the list has moved to this index.
    if (index < this.#list.length) this.#indexes[this.#list.fd(index)] = index;
  }

  select(timeout?: number): readonly SelectorKey<Data>[] {
    const [registry, list] = [this.#registry, this.#list];
    registry.ready.length = 0;
    let rest = poll(list, wholeMilliseconds(timeout));
    for (let index = 0; rest > 0; index++) {
      const revents = list.revents(index);
      if (revents === 0) continue;
      rest--;
      registry.report(registry.get(list.fd(index)), revents);
    }
    return registry.ready;
  }

  /** Nothing to release: the list is plain memory. */
  [Symbol.dispose](): void {}
};
