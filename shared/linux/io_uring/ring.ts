/**
 * The two rings of an io_uring: into the one, the process writes what is to be done, and from the
 * other it reads what has been done. One system call submits any number of operations, and waits.
 *
 * @module
 */

import { close } from "../descriptors.ts";
import { EBUSY, EINTR, orThrow } from "../errno.ts";
import {
  MAP_POPULATE,
  MAP_SHARED,
  MappedMemory,
  mmap,
  munmap,
  PROT_READ,
  PROT_WRITE,
} from "../memory.ts";
import { SOCK_CLOEXEC } from "../socket.ts";
import {
  IO_CQRING_OFFSETS,
  IO_SQRING_OFFSETS,
  IO_URING_CQE,
  IO_URING_CQE_SIZE,
  IO_URING_PARAMS,
  IO_URING_PARAMS_SIZE,
  io_uring_setup,
  IO_URING_SQE,
  IO_URING_SQE_SIZE,
  IORING_OFF_SQES,
  IORING_OP_ACCEPT,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_OP_TIMEOUT,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  tryIoUringEnter,
} from "./io_uring.ts";

// Powers of two, as the kernel wants it. It keeps completions that find no room.
const SQ_ENTRIES = 256;
const CQ_ENTRIES = 2048;

// Sizes and fields of the entries, in words.
const SQE = IO_URING_SQE_SIZE / 4;
const FD = IO_URING_SQE.fd / 4;
const ADDR = IO_URING_SQE.addr / 4;
const LEN = IO_URING_SQE.len / 4;
const OP_FLAGS = IO_URING_SQE.msg_flags / 4; // a union: each operation has flags of its own
const USER_DATA = IO_URING_SQE.user_data / 4;
const CQE = IO_URING_CQE_SIZE / 4;
const RES = IO_URING_CQE.res / 4;
const FLAGS = IO_URING_CQE.flags / 4;

/**
 * Handles a completion: of the operation `op`, such as IORING_OP_RECV, on the descriptor `fd`. The
 * result is what the system call would have returned; of `flags`, see IORING_CQE_F_BUFFER.
 */
export type OnCompletion = (op: number, fd: number, result: number, flags: number) => void;

/**
 * The two rings.
 *
 * Memory that an operation reads or writes belongs to the kernel until its completion. It must not
 * be an array of the engine's, which could be moved or freed, and is a {@linkcode MappedMemory}.
 */
export class IoUring implements Disposable {
  /** The descriptor of the rings. */
  readonly fd: number;
  readonly #mappings = new DisposableStack();
  readonly #timespec: MappedMemory;
  readonly #ring: Int32Array<ArrayBuffer>;
  /** The entries of the submission ring, as words. */
  readonly sqes: Int32Array<ArrayBuffer>;
  // Where the parts of the rings are, in words.
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqes: number;
  #tail = 0;
  #submitted = 0;

  /**
   * Makes the rings.
   *
   * @throws {Deno.errors.NotSupported} with one line that says why, where io_uring is forbidden,
   * missing or too old.
   */
  constructor() {
    const params = new Uint32Array(IO_URING_PARAMS_SIZE / 4);
    params[IO_URING_PARAMS.flags / 4] = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    params[IO_URING_PARAMS.cq_entries / 4] = CQ_ENTRIES;
    this.fd = io_uring_setup(SQ_ENTRIES, params);
    using undo = new DisposableStack(); // in case anything fails from here on
    undo.use(this);

    const [sq, cq] = [IO_URING_PARAMS.sq_off, IO_URING_PARAMS.cq_off];
    const array = params[(sq + IO_SQRING_OFFSETS.array) / 4] / 4;
    this.#sqHead = params[(sq + IO_SQRING_OFFSETS.head) / 4] / 4;
    this.#sqTail = params[(sq + IO_SQRING_OFFSETS.tail) / 4] / 4;
    this.#cqHead = params[(cq + IO_CQRING_OFFSETS.head) / 4] / 4;
    this.#cqTail = params[(cq + IO_CQRING_OFFSETS.tail) / 4] / 4;
    this.#cqes = params[(cq + IO_CQRING_OFFSETS.cqes) / 4] / 4;
    const words = Math.max(array + SQ_ENTRIES, this.#cqes + CQ_ENTRIES * CQE);
    this.#ring = this.#map(words, 0);
    this.sqes = this.#map(SQ_ENTRIES * SQE, IORING_OFF_SQES);
    this.#timespec = this.own(new MappedMemory(16));
    undo.move(); // nothing has failed
    // The ring holds the numbers of entries; here, entry N is always at index N.
    for (let i = 0; i < SQ_ENTRIES; i++) this.#ring[array + i] = i;
  }

  #map(words: number, offset: number): Int32Array<ArrayBuffer> {
    const [protection, flags] = [PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE];
    const memory = mmap(4 * words, protection, flags, this.fd, BigInt(offset));
    return new Int32Array(this.#mappings.adopt(memory, munmap));
  }

  /** Accepts one client. */
  accept(listener: number): void {
    const sqe = this.prepare(IORING_OP_ACCEPT, listener);
    this.sqes[sqe + OP_FLAGS] = SOCK_CLOEXEC;
  }

  /** Receives what arrives next, as much as fits into the memory. */
  recv(fd: number, memory: MappedMemory): void {
    const sqe = this.prepare(IORING_OP_RECV, fd);
    this.#setMemory(sqe, memory, memory.bytes.length);
  }

  /**
   * Sends the first `length` bytes of the memory.
   *
   * @param flags With MSG_WAITALL, the kernel goes on after a partial send by itself.
   */
  send(fd: number, memory: MappedMemory, length: number, flags = 0): void {
    const sqe = this.prepare(IORING_OP_SEND, fd);
    this.#setMemory(sqe, memory, length);
    this.sqes[sqe + OP_FLAGS] = flags;
  }

  /** Completes with `-ETIME` after that many milliseconds. */
  timeout(milliseconds: number): void {
    const timespec = new BigInt64Array(this.#timespec.bytes.buffer);
    timespec[0] = BigInt(Math.floor(milliseconds / 1000));
    timespec[1] = BigInt(Math.round(milliseconds % 1000 * 1e6));
    const sqe = this.prepare(IORING_OP_TIMEOUT, -1);
    this.#setMemory(sqe, this.#timespec, 1);
    this.submitAndWait(0); // the kernel reads the time now, so the next timeout may overwrite it
  }

  /** Takes the next entry of the submission ring, and returns where its words begin. */
  prepare(op: number, fd: number, flags = 0): number {
    // While all entries are in use, the kernel has to take some first.
    while (((this.#tail - Atomics.load(this.#ring, this.#sqHead)) | 0) === SQ_ENTRIES) {
      this.submitAndWait(0);
    }
    const sqe = (this.#tail & (SQ_ENTRIES - 1)) * SQE;
    this.#tail = (this.#tail + 1) | 0; // it wraps round, as the kernel's counter does
    const sqes = this.sqes;
    for (let i = sqe; i < sqe + SQE; i++) sqes[i] = 0;
    sqes[sqe] = op | flags << 8 * IO_URING_SQE.flags;
    sqes[sqe + FD] = fd;
    // The completion brings these back.
    sqes[sqe + USER_DATA] = fd;
    sqes[sqe + USER_DATA + 1] = op;
    return sqe;
  }

  #setMemory(sqe: number, { address }: MappedMemory, length: number): void {
    this.sqes[sqe + ADDR] = address; // its lower half
    this.sqes[sqe + ADDR + 1] = address / 2 ** 32;
    this.sqes[sqe + LEN] = length;
  }

  /** Submits all operations that were prepared, and waits for `least` completions. */
  submitAndWait(least: number): void {
    // The kernel reads the entries when it sees the new tail. Atomics is used since neither the
    // compiler nor the processor may move this store before those that wrote the entries.
    Atomics.store(this.#ring, this.#sqTail, this.#tail);
    const result = tryIoUringEnter(this.fd, (this.#tail - this.#submitted) | 0, least);
    // What was not submitted will be by the next call.
    if (result === -EINTR || result === -EBUSY) return;
    this.#submitted = (this.#submitted + orThrow("io_uring_enter", result, this.fd)) | 0;
  }

  /** Calls the handler for each completion that is there, and makes room for new ones. */
  forEachCompletion(handle: OnCompletion): void {
    const ring = this.#ring;
    let head = ring[this.#cqHead]; // the kernel only reads it
    const tail = Atomics.load(ring, this.#cqTail);
    for (; head !== tail; head = (head + 1) | 0) {
      const cqe = this.#cqes + (head & (CQ_ENTRIES - 1)) * CQE;
      handle(ring[cqe + 1], ring[cqe], ring[cqe + RES], ring[cqe + FLAGS]);
    }
    // The kernel may write to these entries as soon as it sees the new head.
    Atomics.store(ring, this.#cqHead, head);
  }

  /** Releases something that the kernel uses, but not before the rings have ended. */
  own<Resource extends Disposable>(resource: Resource): Resource {
    return this.#mappings.use(resource);
  }

  /** Ends the rings, which cancels what is under way, and then releases the memory. */
  [Symbol.dispose](): void {
    if (this.#mappings.disposed) return;
    close(this.fd);
    this.#mappings.dispose();
  }
}
