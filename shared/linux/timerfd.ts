/**
 * Timers as descriptors, which select, poll and epoll can watch: timerfd_create(2).
 *
 * @module
 */

import { EAGAIN, EINTR, orErrno, orThrow } from "./errno.ts";
import { files, timers as libc } from "./libc.ts";

/** timerfd_create(2): a read does not wait. */
export const TFD_NONBLOCK = 0o4000;
/** timerfd_create(2): programs that are executed later do not inherit it. */
export const TFD_CLOEXEC = 0o2000000;
/** timerfd_settime(2): the first expiration is a time on the clock, not a time from now. */
export const TFD_TIMER_ABSTIME = 1;

/** Makes a timer that is not set yet, on a clock such as CLOCK_MONOTONIC. See timerfd_create(2). */
export function timerfd_create(clock: number, flags = TFD_CLOEXEC | TFD_NONBLOCK): number {
  return orThrow("timerfd_create", orErrno(libc.timerfd_create(clock, flags)));
}

const itimerspec = new BigInt64Array(4);

/**
 * Sets a timer, see timerfd_settime(2). It can be read from the `first` expiration on, and again
 * every `interval`, both in milliseconds; 0 is no repetition. Where `first` is 0, it is unset.
 */
export function timerfd_settime(fd: number, flags: number, first: number, interval = 0): void {
  for (const [i, milliseconds] of [interval, first].entries()) {
    const seconds = Math.floor(milliseconds / 1000);
    itimerspec[2 * i] = BigInt(seconds);
    itimerspec[2 * i + 1] = BigInt(Math.floor((milliseconds - 1000 * seconds) * 1e6));
  }
  orThrow("timerfd_settime", orErrno(libc.timerfd_settime(fd, flags, itimerspec, null)), fd);
}

const expirations = new BigUint64Array(1);

/** Reads how often a timer has expired since it was last read or set, without waiting. */
export function readTimer(fd: number): number {
  const result = orErrno(files.read(fd, expirations, expirations.byteLength));
  if (result === -EAGAIN || result === -EINTR) return 0;
  orThrow("read", result, fd);
  return Number(expirations[0]);
}
