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
  /** The memory that the kernel reads and writes. */
  memory: Int32Array<ArrayBuffer> = new Int32Array(2 * 64);
  /** How many descriptors are in the list. */
  length = 0;
  #shorts = new Int16Array(this.memory.buffer);

  /** Adds a descriptor at the end. */
  add(fd: number, events: number): void {
    if (2 * this.length === this.memory.length) {
      this.memory = new Int32Array(this.memory.buffer.transfer(2 * this.memory.byteLength));
      this.#shorts = new Int16Array(this.memory.buffer);
    }
    const i = this.length++;
    this.memory[2 * i] = fd;
    this.memory[2 * i + 1] = 0; // the answer for an earlier entry at this index
    this.watch(i, events);
  }

  /**
   * Removes the entry at `index` and moves the last entry there, so a loop that removes entries
   * runs from the end to the beginning.
   */
  delete(index: number): void {
    const last = --this.length;
    this.memory.copyWithin(2 * index, 2 * last, 2 * last + 2);
  }

  /** The descriptor at `index`. */
  fd(index: number): number {
    const fd = this.memory[2 * index];
    return fd < 0 ? ~fd : fd;
  }

  /** Changes the requested events at `index`; with 0, not even errors are reported. */
  watch(index: number, events: number): void {
    const fd = this.fd(index);
    this.memory[2 * index] = events === 0 ? ~fd : fd; // the kernel skips negative descriptors
    this.#shorts[4 * index + 2] = events;
  }

  /** The kernel's answer for the descriptor at `index`; 0 if nothing has happened. */
  revents(index: number): number {
    return this.#shorts[4 * index + 3];
  }
}

/**
 * Waits until a descriptor is ready, `timeout` milliseconds at most; -1 is no limit. See poll(2).
 * Returns how many have an answer; 0 when the time is up, or when a signal came.
 */
export function poll(list: PollList, timeout = -1): number {
  const ready = orErrno(libc.poll(list.memory, list.length, timeout));
  return ready === -EINTR ? 0 : orThrow("poll", ready, list.length);
}
