/**
 * A selector over epoll(7).
 *
 * @module
 */

import { close } from "../linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
  tryEpollCtl,
} from "../linux/epoll.ts";
import { EBADF, ENOENT, orThrow } from "../linux/errno.ts";
import { checked, Registry, wholeMilliseconds } from "./registry.ts";
import { type Selector, type SelectorClass, type SelectorKey } from "./selector.ts";

/** The kernel keeps the list, and reports only those that are ready. A file cannot be watched. */
export const EpollSelector: SelectorClass = class<Data> implements Selector<Data> {
  readonly #registry = new Registry<Data>();
  readonly #events = new EpollEvents(1024);
  readonly #epoll = epoll_create1();

  register(fd: number, events: number, data: Data): void {
    this.#registry.add(fd, events, data);
    try {
      this.#control(fd, 0, events);
    } catch (error) {
      this.#registry.delete(fd);
      throw error;
    }
  }

  modify(fd: number, events: number, data: Data): void {
    // If the kernel refuses it, nothing has changed.
    this.#control(fd, this.#registry.get(fd).events, checked(events));
    this.#registry.modify(fd, events, data);
  }

  unregister(fd: number): void {
    if (this.#registry.delete(fd) === 0) return; // the kernel does not have it
    const result = tryEpollCtl(this.#epoll, EPOLL_CTL_DEL, fd);
    // The kernel forgets a descriptor that is closed, and may have given out its number again.
    if (result !== -EBADF && result !== -ENOENT) orThrow("epoll_ctl", result, fd);
  }

  #control(fd: number, before: number, events: number): void {
    if (events === before) return; // only a change costs a system call
    // A descriptor that waits for nothing is not in the kernel's list: epoll would go on reporting
    // its errors.
    const operation = before === 0 ? EPOLL_CTL_ADD : events === 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    epoll_ctl(this.#epoll, operation, fd, events);
  }

  select(timeout?: number): readonly SelectorKey<Data>[] {
    const [registry, events] = [this.#registry, this.#events];
    registry.ready.length = 0;
    const count = epoll_wait(this.#epoll, events, wholeMilliseconds(timeout));
    for (let i = 0; i < count; i++) {
      registry.report(registry.get(events.fd(i)), events.events(i));
    }
    return registry.ready;
  }

  /** Closes the epoll instance. */
  [Symbol.dispose](): void {
    close(this.#epoll);
  }
};
