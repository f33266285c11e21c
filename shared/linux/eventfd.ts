/**
 * eventfd(2): a counter with a descriptor. It is readable while the counter is not 0, so one thread
 * can wake another that waits in select, poll or epoll_wait.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { close } from "./descriptors.ts";
 * import { EAGAIN } from "./errno.ts";
 *
 * const fd = eventfd();
 * writeEventfd(fd, 2);
 * writeEventfd(fd);
 * assertEquals([tryReadEventfd(fd), tryReadEventfd(fd)], [3, -EAGAIN]);
 * close(fd);
 * ```
 *
 * @module
 */

import { orErrno, orThrow } from "./errno.ts";
import { events as libc, files } from "./libc.ts";

/** eventfd(2): a read takes 1 from the counter. Without it, a read takes all. */
export const EFD_SEMAPHORE = 1;
/** eventfd(2): read and write do not wait. */
export const EFD_NONBLOCK = 0o4000;
/** eventfd(2): programs that are started later do not inherit it. */
export const EFD_CLOEXEC = 0o2000000;

/** Makes a counter that begins at `initial`, see eventfd(2). Returns its descriptor. */
export function eventfd(initial = 0, flags = EFD_NONBLOCK | EFD_CLOEXEC): number {
  return orThrow("eventfd", orErrno(libc.eventfd(initial, flags)));
}

const counter = new BigUint64Array(1);

/**
 * Takes what the counter has, or 1 of it with EFD_SEMAPHORE, see read(2) and eventfd(2). Returns
 * how much that was, or `-EAGAIN` if the counter is 0 and must not be waited for, …
 */
export function tryReadEventfd(fd: number): number {
  const result = orErrno(files.read(fd, counter, counter.byteLength));
  return result < 0 ? result : Number(counter[0]);
}

/** Adds to the counter, which wakes the threads that wait for it. See write(2) and eventfd(2). */
export function writeEventfd(fd: number, value = 1): void {
  counter[0] = BigInt(value);
  orThrow("write", orErrno(files.write(fd, counter, counter.byteLength)), fd);
}
