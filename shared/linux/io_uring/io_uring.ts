/**
 * io_uring(7): the system calls, and the layout of the memory that the process and the kernel
 * share. `ring.ts` makes rings of it.
 *
 * @module
 */

import { EINVAL, ENOSYS, EPERM, orErrno, orThrow } from "../errno.ts";
import { rings as libc } from "../libc.ts";

// The same on all architectures, like the number of every system call since 2019.
const SYS_io_uring_setup = 425;
const SYS_io_uring_enter = 426;
const SYS_io_uring_register = 427;

/** io_uring_setup(2): the completion ring is as long as the parameters say. */
export const IORING_SETUP_CQSIZE = 1 << 3;
/** io_uring_setup(2): go on with the next operation if one cannot be begun. */
export const IORING_SETUP_SUBMIT_ALL = 1 << 7;
/** io_uring_setup(2): only one thread submits operations. */
export const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
/** io_uring_setup(2): work is done inside io_uring_enter(2) only, and no memory changes outside. */
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
/** mmap(2) of the ring: where the entries of the submission ring are. */
export const IORING_OFF_SQES = 0x10000000;
/** io_uring_enter(2): wait for completions. */
export const IORING_ENTER_GETEVENTS = 1 << 0;
/** io_uring_register(2): provide a ring of buffers, of which the kernel takes what it needs. */
export const IORING_REGISTER_PBUF_RING = 22;

/** Complete after a time. */
export const IORING_OP_TIMEOUT = 11;
/** accept4(2). */
export const IORING_OP_ACCEPT = 13;
/** send(2). */
export const IORING_OP_SEND = 26;
/** recv(2). */
export const IORING_OP_RECV = 27;

/** Of an operation: the kernel takes one of the provided buffers. */
export const IOSQE_BUFFER_SELECT = 1 << 5;
/** Of a completion: a provided buffer was used, and its number is in the flags as well. */
export const IORING_CQE_F_BUFFER = 1 << 0;
/** Of a completion: more of the same operation will follow. */
export const IORING_CQE_F_MORE = 1 << 1;
/** Of a completion: how far up in its flags the number of the buffer is. */
export const IORING_CQE_BUFFER_SHIFT = 16;

/** `sizeof(struct io_uring_params)`. */
export const IO_URING_PARAMS_SIZE = 120;
/** Where the fields of `struct io_uring_params` are. */
export const IO_URING_PARAMS = { cq_entries: 4, flags: 8, sq_off: 40, cq_off: 80 };
/** Where the fields of `struct io_sqring_offsets` are. */
export const IO_SQRING_OFFSETS = { head: 0, tail: 4, ring_mask: 8, array: 24 };
/** Where the fields of `struct io_cqring_offsets` are. */
export const IO_CQRING_OFFSETS = { head: 0, tail: 4, ring_mask: 8, cqes: 20 };
/** `sizeof(struct io_uring_sqe)`, an entry of the submission ring. */
export const IO_URING_SQE_SIZE = 64;
/** Where the fields of `struct io_uring_sqe` are. */
export const IO_URING_SQE = { flags: 1, fd: 4, addr: 16, len: 24, msg_flags: 28, user_data: 32 };
/** `sizeof(struct io_uring_cqe)`, an entry of the completion ring. */
export const IO_URING_CQE_SIZE = 16;
/** Where the fields of `struct io_uring_cqe` are. */
export const IO_URING_CQE = { user_data: 0, res: 8, flags: 12 };

/** `sizeof(struct io_uring_buf_reg)`. */
export const IO_URING_BUF_REG_SIZE = 40;
/** Where the fields of `struct io_uring_buf_reg` are. */
export const IO_URING_BUF_REG = { ring_addr: 0, ring_entries: 8, bgid: 12 };
/** `sizeof(struct io_uring_buf)`, an entry in a ring of buffers. */
export const IO_URING_BUF_SIZE = 16;
/** Where the fields of `struct io_uring_buf` are; `resv` of the first one is the ring's tail. */
export const IO_URING_BUF = { addr: 0, len: 8, bid: 12, resv: 14 };

const REASONS = new Map([
  [-EPERM, "forbidden here, by the container or by kernel.io_uring_disabled"],
  [-ENOSYS, "not in this kernel, which is older than Linux 5.1 or built without it"],
  [-EINVAL, "too old in this kernel: it needs Linux 6.1"],
]);

/**
 * Makes the rings, see io_uring_setup(2), and returns their descriptor.
 *
 * @param entries How many operations fit into the submission ring.
 * @param params A `struct io_uring_params`: the flags that are asked for, and what came of it.
 * @throws {Deno.errors.NotSupported} with one line that says why, where io_uring is forbidden,
 * missing or too old.
 */
export function io_uring_setup(entries: number, params: Uint32Array<ArrayBuffer>): number {
  const result = orErrno(libc.io_uring_setup(SYS_io_uring_setup, entries, params));
  const reason = REASONS.get(result);
  if (reason !== undefined) throw new Deno.errors.NotSupported(`io_uring is ${reason}`);
  return orThrow("io_uring_setup", result);
}

/**
 * Submits operations, and waits until so many have been completed. See io_uring_enter(2).
 *
 * @returns How many operations the kernel has taken, or `-EINTR`, `-EBUSY`, …
 */
export function tryIoUringEnter(fd: number, submit: number, complete: number): number {
  const flags = complete > 0 ? IORING_ENTER_GETEVENTS : 0;
  return orErrno(libc.io_uring_enter(SYS_io_uring_enter, fd, submit, complete, flags, null, 0));
}

/** Registers something with the rings, see io_uring_register(2). */
export function io_uring_register(
  fd: number,
  operation: number,
  argument: Uint32Array<ArrayBuffer>,
): void {
  const result = libc.io_uring_register(SYS_io_uring_register, fd, operation, argument, 1);
  orThrow("io_uring_register", orErrno(result), fd);
}
