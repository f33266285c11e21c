/**
 * poll(2): select(2) without the limit of 1,024.
 *
 * @module
 */

import { EINTR, orErrno, orThrow } from "./errno.ts";
import { polling as libc } from "./libc.ts";

/** There is something to read, or a client to accept; also the end of the input. */
export const POLLIN = 0x1;
/** There is room to write. */
export const POLLOUT = 0x4;
/** The connection is broken; always reported, requested or not. */
export const POLLERR = 0x8;
/** Both directions of the connection have ended; always reported, requested or not. */
export const POLLHUP = 0x10;
/** The descriptor is not open; always reported, requested or not. */
export const POLLNVAL = 0x20;
/** The peer has finished sending. */
export const POLLRDHUP = 0x2000;

/** `sizeof(struct pollfd)`. */
export const POLLFD_SIZE = 8;
/** Where the fields of `struct pollfd` are. */
export const POLLFD = { fd: 0, events: 4, revents: 6 };

/**
 * A list of `struct pollfd`: a descriptor, the requested events, and the kernel's answer. Unlike
 * select's sets, the request outlives the call. The list grows as needed.
 */
export class PollList {
  #ints: Int32Array<ArrayBuffer> = new Int32Array(2 * 64);
  #shorts = new Int16Array(this.#ints.buffer);
  #length = 0;

  /** How many descriptors are in the list. */
  get length(): number {
    return this.#length;
  }

  /** The memory that the kernel reads and writes. */
  get memory(): Int32Array<ArrayBuffer> {
    return this.#ints;
  }

  /** Adds a descriptor at the end. */
  add(fd: number, events: number): void {
    if (2 * this.#length === this.#ints.length) {
      const ints = new Int32Array(2 * this.#ints.length);
      ints.set(this.#ints);
      this.#ints = ints;
      this.#shorts = new Int16Array(ints.buffer);
    }
    const i = this.#length++;
    this.#ints[2 * i] = fd;
    this.#ints[2 * i + 1] = 0; // the answer for an earlier entry at this index
    this.watch(i, events);
  }

  /**
   * Removes the entry at `index` and moves the last entry there, so a loop that removes entries
   * runs from the end to the beginning.
   */
  delete(index: number): void {
    const last = --this.#length;
    this.#ints[2 * index] = this.#ints[2 * last];
    this.#ints[2 * index + 1] = this.#ints[2 * last + 1];
  }

  /** The descriptor at `index`. */
  fd(index: number): number {
    const fd = this.#ints[2 * index];
    return fd < 0 ? ~fd : fd;
  }

  /** Changes the requested events at `index`; with 0, not even errors are reported. */
  watch(index: number, events: number): void {
    const fd = this.fd(index);
    this.#ints[2 * index] = events === 0 ? ~fd : fd; // the kernel skips negative descriptors
    this.#shorts[4 * index + 2] = events;
  }

  /** The kernel's answer for the descriptor at `index`; 0 if nothing has happened. */
  revents(index: number): number {
    return this.#shorts[4 * index + 3];
  }
}

/**
 * Waits until one of the descriptors is ready, see poll(2).
 *
 * @param timeout Milliseconds; 0 does not wait at all, -1 waits without a limit.
 * @returns How many entries have an answer, or `-EINTR`, `-EINVAL`, …
 */
export function tryPoll(list: PollList, timeout = -1): number {
  return orErrno(libc.poll(list.memory, list.length, timeout));
}

/** Like {@linkcode tryPoll}, but throws. A signal counts as "none is ready yet" and returns 0. */
export function poll(list: PollList, timeout = -1): number {
  const ready = tryPoll(list, timeout);
  return ready === -EINTR ? 0 : orThrow("poll", ready, list.length);
}
