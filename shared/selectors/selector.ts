/**
 * One interface over select, poll and epoll, after Python's module `selectors`: each descriptor is
 * registered with what it waits for and with something of the caller's, mostly a callback. There is
 * a module for each system call: `select.ts`, `poll.ts` and `epoll.ts`.
 *
 * @module
 */

/** Something to read, or a client to accept. The number is that of POLLIN and EPOLLIN. */
export const EVENT_READ = 1;
/** Room to write. The number is that of POLLOUT and EPOLLOUT. */
export const EVENT_WRITE = 4;

/** A registered descriptor. */
export interface SelectorKey<Data> {
  /** The descriptor. */
  readonly fd: number;
  /** What it waits for: EVENT_READ, EVENT_WRITE, both, or 0 for nothing, not even an error. */
  readonly events: number;
  /** What it was ready for when `select` last reported it. */
  readonly ready: number;
  /** Whatever the caller has registered with it. */
  readonly data: Data;
}

/** What every selector supplies. Its end releases what it uses; the descriptors stay open. */
export interface Selector<Data> extends Disposable {
  /**
   * Begins to watch a descriptor.
   *
   * @throws {RangeError} if `fd` is not a descriptor's number, or not one that the system call can
   *   watch, or if `events` has other bits than EVENT_READ and EVENT_WRITE.
   * @throws {Error} if it is registered already, or if the kernel refuses to watch it.
   */
  register(fd: number, events: number, data: Data): void;

  /** Changes what is waited for, and the data. Throws as above, or if it is not registered. */
  modify(fd: number, events: number, data: Data): void;

  /**
   * Stops watching a descriptor; throws an Error if it is not registered. It should be called
   * before the descriptor is closed, and works afterwards as well.
   */
  unregister(fd: number): void;

  /**
   * Waits until a descriptor is ready, `timeout` milliseconds at most; undefined is no limit, and
   * NaN throws a RangeError. A broken connection counts as ready for what it waits for: the next
   * read or write returns the actual error.
   *
   * @returns The keys of those that are ready, in an array that the next call uses again. It is
   *   empty when the time is up, or when a signal came.
   */
  select(timeout?: number): readonly SelectorKey<Data>[];
}

/** A selector for one system call, which {@linkcode Selector} describes. */
export type SelectorClass = new <Data>() => Selector<Data>;
