/**
 * Buffers that the kernel chooses from: see io_uring_register(2), IORING_REGISTER_PBUF_RING.
 *
 * @module
 */

import { MappedMemory } from "../memory.ts";
import {
  IO_URING_BUF,
  IO_URING_BUF_REG,
  IO_URING_BUF_REG_SIZE,
  IO_URING_BUF_SIZE,
  io_uring_register,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_OP_RECV,
  IORING_REGISTER_PBUF_RING,
  IOSQE_BUFFER_SELECT,
} from "./io_uring.ts";
import type { IoUring } from "./ring.ts";

/** How many buffers a ring of them can have; the kernel allows no more. */
export const MOST_BUFFERS = 32768;

/**
 * Buffers for whatever is received. The kernel takes one when data has arrived, and not before, so
 * an idle client has none; the program gives it back.
 *
 * They are handed over in a third ring, whose entries name free buffers. All of the memory belongs
 * to the io_uring, and is released with it.
 */
export class ProvidedBuffers {
  readonly #uring: IoUring;
  readonly #size: number;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #halves: Uint16Array<ArrayBuffer>;
  readonly #buffers: MappedMemory[] = [];
  readonly #numbers = new Map<MappedMemory, number>();
  #tail = 0;

  /** Registers the third ring, without any buffer yet. Each of them will have `size` bytes. */
  constructor(uring: IoUring, size: number) {
    this.#uring = uring;
    this.#size = size;
    const { address, bytes } = uring.own(new MappedMemory(MOST_BUFFERS * IO_URING_BUF_SIZE));
    this.#words = new Uint32Array(bytes.buffer);
    this.#halves = new Uint16Array(bytes.buffer);
    const request = new Uint32Array(IO_URING_BUF_REG_SIZE / 4);
    request[IO_URING_BUF_REG.ring_addr / 4] = address; // its lower half
    request[IO_URING_BUF_REG.ring_addr / 4 + 1] = address / 2 ** 32;
    request[IO_URING_BUF_REG.ring_entries / 4] = MOST_BUFFERS;
    io_uring_register(uring.fd, IORING_REGISTER_PBUF_RING, request);
  }

  /** Receives what arrives next into a free buffer. Completes with `-ENOBUFS` if there is none. */
  recv(fd: number): void {
    this.#uring.prepare(IORING_OP_RECV, fd, IOSQE_BUFFER_SELECT);
  }

  /**
   * Provides one buffer more, as is necessary when an operation has completed with `-ENOBUFS`. So
   * there are as many as were ever in use at once.
   *
   * @throws {RangeError} if there are {@linkcode MOST_BUFFERS} already.
   */
  add(): void {
    const number = this.#buffers.length;
    if (number === MOST_BUFFERS) throw new RangeError(`there are ${number} buffers already`);
    const buffer = this.#uring.own(new MappedMemory(this.#size));
    this.#buffers.push(buffer);
    this.#numbers.set(buffer, number);
    this.release(buffer);
  }

  /**
   * The buffer that an operation has used, from the flags of its completion; undefined if it has
   * used none. It has to be given back, whatever the result was.
   */
  take(flags: number): MappedMemory | undefined {
    if ((flags & IORING_CQE_F_BUFFER) === 0) return undefined;
    return this.#buffers[flags >>> IORING_CQE_BUFFER_SHIFT];
  }

  /** Gives a buffer back. */
  release(buffer: MappedMemory): void {
    const number = this.#numbers.get(buffer)!;
    const entry = (this.#tail & (MOST_BUFFERS - 1)) * IO_URING_BUF_SIZE;
    this.#words[(entry + IO_URING_BUF.addr) / 4] = buffer.address; // its lower half
    this.#words[(entry + IO_URING_BUF.addr) / 4 + 1] = buffer.address / 2 ** 32;
    this.#words[(entry + IO_URING_BUF.len) / 4] = this.#size;
    this.#halves[(entry + IO_URING_BUF.bid) / 2] = number;
    this.#tail = (this.#tail + 1) & 0xffff; // as the kernel counts
    // As with the submission ring: the new tail comes after the entry.
    Atomics.store(this.#halves, IO_URING_BUF.resv / 2, this.#tail);
  }
}
