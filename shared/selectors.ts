/**
 * One interface over select, poll and epoll, after Python's module of the same name: each descriptor
 * is registered with what it waits for and with something of the caller's, mostly a callback.
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
  /** What it waits for: EVENT_READ, EVENT_WRITE, both, or 0 for nothing. */
  events: number;
  /** What it is ready for, after a call of `select` that reported it. */
  ready: number;
  /** Whatever the caller has registered with it. */
  data: Data;
}

/** What every selector supplies. */
export interface Selector<Data> extends Disposable {
  /**
   * Begins to watch a descriptor.
   *
   * @throws {Error} if it is registered already.
   */
  register(fd: number, events: number, data: Data): SelectorKey<Data>;
  /**
   * Changes what it waits for, and what is registered with it.
   *
   * @throws {Error} if it is not registered.
   */
  modify(fd: number, events: number, data: Data): SelectorKey<Data>;
  /**
   * Ends the watching of a descriptor, which must be done before it is closed.
   *
   * @throws {Error} if it is not registered.
   */
  unregister(fd: number): SelectorKey<Data>;
  /**
   * Waits until at least one descriptor is ready.
   *
   * A broken connection counts as ready for whatever was waited for: reading or writing then tells
   * what happened.
   *
   * @param timeout Milliseconds; 0 does not wait at all, undefined waits for ever.
   * @returns The ready keys, in an array that the next call uses again. Empty after the time-out, or
   *   when a signal came.
   */
  select(timeout?: number): readonly SelectorKey<Data>[];
  /** How many descriptors are registered. */
  readonly size: number;
  /** Releases what the selector itself uses; the registered descriptors stay open. */
  close(): void;
}

/** The keys of a selector, by descriptor, and the errors that all selectors give alike. */
class Keys<Data> {
  // Descriptors are small numbers, so an array finds them faster than a map.
  readonly #keys: (SelectorKey<Data> | undefined)[] = [];
  size = 0;

  get(fd: number): SelectorKey<Data> {
    const key = this.#keys[fd];
    if (key === undefined) throw new Error(`descriptor ${fd} is not registered`);
    return key;
  }

  add(fd: number, events: number, data: Data): SelectorKey<Data> {
    if (this.#keys[fd] !== undefined) throw new Error(`descriptor ${fd} is registered already`);
    this.size++;
    return this.#keys[fd] = { fd, events, ready: 0, data };
  }

  delete(fd: number): SelectorKey<Data> {
    const key = this.get(fd);
    this.#keys[fd] = undefined;
    this.size--;
    return key;
  }
}
