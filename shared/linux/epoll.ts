/**
 * epoll(7): the kernel keeps the list of descriptors and returns only those that are ready.
 *
 * @module
 */

import { EINTR, orErrno, orThrow } from "./errno.ts";
import { epolls as libc } from "./libc.ts";

/** epoll_create1(2): programs that are started later do not inherit it. */
export const EPOLL_CLOEXEC = 0o2000000;
/** epoll_ctl(2): start watching a descriptor. */
export const EPOLL_CTL_ADD = 1;
/** epoll_ctl(2): stop watching it. */
export const EPOLL_CTL_DEL = 2;
/** epoll_ctl(2): watch it for other events; reports again what is there. */
export const EPOLL_CTL_MOD = 3;

/** There is something to read, or a client to accept; also the end of the input. */
export const EPOLLIN = 0x1;
/** There is room to write. */
export const EPOLLOUT = 0x4;
/** The connection is broken; always reported, requested or not. */
export const EPOLLERR = 0x8;
/** Both directions of the connection have ended; always reported, requested or not. */
export const EPOLLHUP = 0x10;
/** The peer has finished sending. */
export const EPOLLRDHUP = 0x2000;
/** Of the epoll instances that watch a descriptor, one is woken up, or a few, and not all. */
export const EPOLLEXCLUSIVE = 0x10000000;
/** Reported once, and then not again until EPOLL_CTL_MOD has re-armed the descriptor. */
export const EPOLLONESHOT = 0x40000000;
/** Edge-triggered: reported when it becomes ready, not while it is ready. */
export const EPOLLET = 0x80000000;

// The structure is packed on x86-64 only, so that 32-bit programs can use the same layout.
const packed = Deno.build.arch === "x86_64";
/** `sizeof(struct epoll_event)`. */
export const EPOLL_EVENT_SIZE: number = packed ? 12 : 16;
/** Where the fields of `struct epoll_event` are. */
export const EPOLL_EVENT: { events: number; data: number } = { events: 0, data: packed ? 4 : 8 };

const WORDS = EPOLL_EVENT_SIZE / 4;
const DATA = EPOLL_EVENT.data / 4;

/** Room for the reports of epoll_wait: which descriptors, and what they are ready for. */
export class EpollEvents {
  /** The memory that the kernel writes. */
  readonly words: Uint32Array<ArrayBuffer>;

  /** Makes room for `capacity` reports; if more are ready, the next call reports them. */
  constructor(capacity: number) {
    this.words = new Uint32Array(capacity * WORDS);
  }

  /** The descriptor of report number `index`. */
  fd(index: number): number {
    return this.words[index * WORDS + DATA];
  }

  /** What the descriptor is ready for: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP. */
  events(index: number): number {
    return this.words[index * WORDS];
  }
}

/** Makes an epoll instance, which is a descriptor itself. See epoll_create1(2). */
export function epoll_create1(flags = EPOLL_CLOEXEC): number {
  return orThrow("epoll_create1", orErrno(libc.epoll_create1(flags)));
}

const event = new Uint32Array(WORDS);

/**
 * Starts, changes or stops watching a descriptor, whose number is reported with each event. Returns
 * 0, or `-EEXIST`, `-ENOENT`, `-EPERM` (a file, which cannot be watched), … See epoll_ctl(2).
 */
export function tryEpollCtl(epfd: number, operation: number, fd: number, events = 0): number {
  event[0] = events;
  event[DATA] = fd;
  return orErrno(libc.epoll_ctl(epfd, operation, fd, event));
}

/** Like {@linkcode tryEpollCtl}, but throws. */
export function epoll_ctl(epfd: number, operation: number, fd: number, events = 0): void {
  orThrow("epoll_ctl", tryEpollCtl(epfd, operation, fd, events), fd);
}

/**
 * Waits until a descriptor is ready, `timeout` milliseconds at most; -1 is no limit. Returns how
 * many reports there are; 0 when the time is up, or when a signal came. See epoll_wait(2).
 */
export function epoll_wait(epfd: number, { words }: EpollEvents, timeout = -1): number {
  const ready = orErrno(libc.epoll_wait(epfd, words, words.length / WORDS, timeout));
  return ready === -EINTR ? 0 : orThrow("epoll_wait", ready, epfd);
}
