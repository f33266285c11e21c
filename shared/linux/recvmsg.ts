/**
 * recvmsg(2): receives bytes together with what the kernel knows of them, here the time at which
 * they arrived.
 *
 * @module
 */

import { orErrno } from "./errno.ts";
import { messages as libc } from "./libc.ts";
import { checkLength, completed, SOL_SOCKET } from "./socket.ts";
import { milliseconds } from "./time.ts";

/** socket(7): recvmsg(2) also reports when the kernel received the bytes. */
export const SO_TIMESTAMPNS = 35;
/** The kind of control message that carries that time. */
export const SCM_TIMESTAMPNS = 35;

/** `sizeof(struct msghdr)` on 64-bit Linux. */
export const MSGHDR_SIZE = 56;
/** Where the fields of `struct msghdr` are. */
export const MSGHDR = { iov: 16, iovlen: 24, control: 32, controllen: 40, flags: 48 };
/** Where the fields of `struct cmsghdr`, a control message, are; its data stands behind them. */
export const CMSGHDR = { len: 0, level: 8, type: 12, data: 16 };

/** What {@linkcode recvmsg} fills: a buffer for bytes, and room for the time of their arrival. */
export class Message {
  /** The bytes that were received. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** How many bytes the kernel may write, which is how long the buffer was at the beginning. */
  readonly capacity: number;
  /** The `struct msghdr`. It holds addresses of the other three, which must live as long. */
  readonly header = new Uint8Array(MSGHDR_SIZE);
  readonly #headerView = new DataView(this.header.buffer);
  readonly #iovec: BigUint64Array<ArrayBuffer>;
  readonly #control = new Uint8Array(64);
  /** The control message that came last, such as the time of arrival. */
  readonly control = new DataView(this.#control.buffer);

  /** Makes a message around a buffer. Throws a RangeError if that is empty. */
  constructor(buffer: Uint8Array<ArrayBuffer>) {
    checkLength(buffer.length, buffer, 1);
    this.buffer = buffer;
    this.capacity = buffer.length;
    this.#iovec = BigUint64Array.of(addressOfBytes(buffer), BigInt(buffer.length));
    this.#headerView.setBigUint64(MSGHDR.iov, addressOfBytes(this.#iovec), true);
    this.#headerView.setBigUint64(MSGHDR.iovlen, 1n, true);
    this.#headerView.setBigUint64(MSGHDR.control, addressOfBytes(this.#control), true);
    this.reset();
  }

  /** Frees the whole room for control messages again; each call shortens it to what it used. */
  reset(): void {
    this.#headerView.setBigUint64(MSGHDR.controllen, BigInt(this.#control.length), true);
  }

  /**
   * When the kernel received the last of these bytes, in milliseconds of CLOCK_REALTIME; undefined
   * if SO_TIMESTAMPNS was not set on the socket, or when the input has ended.
   */
  get arrival(): number | undefined {
    const used = Number(this.#headerView.getBigUint64(MSGHDR.controllen, true));
    const view = this.control;
    if (
      used < CMSGHDR.data + 16 || view.getInt32(CMSGHDR.level, true) !== SOL_SOCKET ||
      view.getInt32(CMSGHDR.type, true) !== SCM_TIMESTAMPNS
    ) return undefined;
    const [seconds, nanoseconds] = [0, 8].map((at) => view.getBigInt64(CMSGHDR.data + at, true));
    return milliseconds(seconds, nanoseconds);
  }
}

/**
 * Receives into a message, see recvmsg(2). Returns how many bytes, 0 at the end of the input, or
 * `-EAGAIN`, … Throws a RangeError if the message's buffer is shorter than it was.
 */
export function tryRecvmsg(fd: number, message: Message, flags = 0): number {
  const { buffer, capacity } = message;
  // The header holds an address, and the memory there may have been freed.
  checkLength(capacity, buffer);
  message.reset();
  return orErrno(libc.recvmsg(fd, message.header, flags));
}

/** Like {@linkcode tryRecvmsg}, but throws what {@linkcode recv} throws. */
export function recvmsg(fd: number, message: Message, flags = 0): number {
  return completed("recvmsg", fd, () => tryRecvmsg(fd, message, flags));
}

function addressOfBytes(bytes: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
