/**
 * Operations of an io_uring whose bytes do not enter the program: splice(2), and send(2) out of
 * memory that is not copied. See io_uring_enter(2).
 *
 * @module
 */

import type { MappedMemory } from "../memory.ts";
import type { IoUring } from "./ring.ts";

/** splice(2). */
export const IORING_OP_SPLICE = 30;
/** send(2), whose memory may be in use after its completion, until a second one. */
export const IORING_OP_SEND_ZC = 47;
/** Of IORING_OP_SEND_ZC: the second completion says whether the kernel has copied after all. */
export const IORING_SEND_ZC_REPORT_USAGE = 1 << 3;
/** Of a completion: it is the second one, after which the memory is free. */
export const IORING_CQE_F_NOTIF = 1 << 3;
/** The result of that one, if the kernel has copied. */
export const IORING_NOTIF_USAGE_ZC_COPIED = 0x80000000;

/** Where the fields of `struct io_uring_sqe` are, in words. */
const [OFF, ADDR, LEN, FLAGS, SPLICE_FD_IN] = [8, 16, 24, 28, 44].map((at) => at / 4);

/** Moves up to `length` bytes from one descriptor to another, one of which is a pipe. */
export function prepareSplice(
  ring: IoUring,
  from: number,
  to: number,
  length: number,
  flags = 0,
): void {
  const sqe = ring.prepare(IORING_OP_SPLICE, to);
  ring.sqes.fill(-1, sqe + OFF, sqe + LEN); // neither of them has an offset
  ring.sqes[sqe + LEN] = length;
  ring.sqes[sqe + FLAGS] = flags;
  ring.sqes[sqe + SPLICE_FD_IN] = from;
}

/**
 * Sends the first `length` bytes of the memory without a copy, if that is possible. It has two
 * completions, and the memory must not change before the second one.
 */
export function prepareSendZeroCopy(
  ring: IoUring,
  fd: number,
  { address }: MappedMemory,
  length: number,
): void {
  const sqe = ring.prepare(IORING_OP_SEND_ZC, fd);
  ring.sqes[sqe] |= IORING_SEND_ZC_REPORT_USAGE << 16; // the field ioprio
  ring.sqes[sqe + ADDR] = address; // its lower half
  ring.sqes[sqe + ADDR + 1] = address / 2 ** 32;
  ring.sqes[sqe + LEN] = length;
}
