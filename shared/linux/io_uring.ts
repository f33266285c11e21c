/**
 * io_uring(7): two rings in memory that the process shares with the kernel. Into the one it writes
 * what is to be done, from the other it reads what has been done; a single system call hands over
 * and waits, for as many operations as there are.
 *
 * @module
 */

import { close } from "./descriptors.ts";
import { EBUSY, EINTR, EINVAL, ENOSYS, EPERM, orErrno, orThrow } from "./errno.ts";
import { libc } from "./libc.ts";
import { MAP_POPULATE, MAP_SHARED, mmap, munmap } from "./memory.ts";
import { PROT_READ, PROT_WRITE } from "./memory.ts";

// The same on all architectures, as of every system call that is newer than 2019.
const SYS_io_uring_setup = 425;
const SYS_io_uring_enter = 426;
const SYS_io_uring_register = 427;

/** io_uring_setup(2): the completion ring is as long as the parameters say. */
export const IORING_SETUP_CQSIZE = 1 << 3;
/** io_uring_setup(2): go on with the next operation if one cannot be begun. */
export const IORING_SETUP_SUBMIT_ALL = 1 << 7;
/** io_uring_setup(2): only one thread hands over operations. */
export const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
/** io_uring_setup(2): completions are worked out when the process waits, and at no other time. */
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
/** What the kernel can do: both rings are in one mapping. */
export const IORING_FEAT_SINGLE_MMAP = 1 << 0;
/** What the kernel can do: completions that find no room in the ring are kept. */
export const IORING_FEAT_NODROP = 1 << 1;
/** mmap(2) of the ring: where the entries of the submission ring are. */
export const IORING_OFF_SQES = 0x10000000;
/** io_uring_enter(2): wait for completions. */
export const IORING_ENTER_GETEVENTS = 1 << 0;
/** io_uring_register(2): ask which operations the kernel knows. */
export const IORING_REGISTER_PROBE = 8;
/** The probe's answer: the operation is known. */
export const IO_URING_OP_SUPPORTED = 1 << 0;

/** Complete after a time. */
export const IORING_OP_TIMEOUT = 11;
/** accept4(2). */
export const IORING_OP_ACCEPT = 13;
/** Cancel another operation. */
export const IORING_OP_ASYNC_CANCEL = 14;
/** close(2). */
export const IORING_OP_CLOSE = 19;
/** send(2). */
export const IORING_OP_SEND = 26;
/** recv(2). */
export const IORING_OP_RECV = 27;
/** socket(2): not used here, but as old as all that is, Linux 5.19. */
export const IORING_OP_SOCKET = 45;

/** Of an operation: the next one begins when this one has succeeded. */
export const IOSQE_IO_LINK = 1 << 2;
/** Of an operation: it completes in silence, unless it fails. */
export const IOSQE_CQE_SKIP_SUCCESS = 1 << 6;
/** Of an accept: a completion for each client, until it fails. */
export const IORING_ACCEPT_MULTISHOT = 1 << 0;
/** Of a recv or a send: do not try at once, but when the socket is ready. */
export const IORING_RECVSEND_POLL_FIRST = 1 << 0;
/** Of a completion: more of the same operation will follow. */
export const IORING_CQE_F_MORE = 1 << 1;
/** Of the completion of a recv: there is more to be received already. */
export const IORING_CQE_F_SOCK_NONEMPTY = 1 << 2;

/** `sizeof(struct io_uring_params)`. */
export const IO_URING_PARAMS_SIZE = 120;
/** Where the fields of `struct io_uring_params` are. */
export const IO_URING_PARAMS = {
  sq_entries: 0,
  cq_entries: 4,
  flags: 8,
  features: 20,
  sq_off: 40,
  cq_off: 80,
};
/** Where the fields of `struct io_sqring_offsets` are. */
export const IO_SQRING_OFFSETS = { head: 0, tail: 4, ring_mask: 8, array: 24 };
/** Where the fields of `struct io_cqring_offsets` are. */
export const IO_CQRING_OFFSETS = { head: 0, tail: 4, ring_mask: 8, cqes: 20 };
/** `sizeof(struct io_uring_sqe)`, an entry of the submission ring. */
export const IO_URING_SQE_SIZE = 64;
/** Where the fields of `struct io_uring_sqe` are. */
export const IO_URING_SQE = {
  opcode: 0,
  flags: 1,
  ioprio: 2,
  fd: 4,
  off: 8,
  addr: 16,
  len: 24,
  msg_flags: 28,
  user_data: 32,
};
/** `sizeof(struct io_uring_cqe)`, an entry of the completion ring. */
export const IO_URING_CQE_SIZE = 16;
/** Where the fields of `struct io_uring_cqe` are. */
export const IO_URING_CQE = { user_data: 0, res: 8, flags: 12 };
/** Where the fields of `struct io_uring_probe` are. */
export const IO_URING_PROBE = { last_op: 0, ops: 16 };

const SQ_ENTRIES = 4096;
const CQ_ENTRIES = 32768;

/**
 * Handles a completion.
 *
 * @param kind What was asked for: the number that was given with the operation.
 * @param fd On which descriptor.
 * @param result What the system call would have returned, or a negative error number.
 * @param flags IORING_CQE_F_MORE, …
 */
export type OnCompletion = (kind: number, fd: number, result: number, flags: number) => void;

/**
 * The two rings.
 *
 * Memory that an operation reads or writes belongs to the kernel until its completion. It must not
 * be an array of the engine's, which could be moved or freed: use {@linkcode mmap}.
 */
export class IoUring implements Disposable {
  readonly #fd: number;
  readonly #rings: ArrayBuffer;
  readonly #entries: ArrayBuffer;

  readonly #ring: Uint32Array<ArrayBuffer>;
  readonly #results: Int32Array<ArrayBuffer>;
  readonly #sqes: Uint32Array<ArrayBuffer>;
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #sqMask: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqMask: number;
  readonly #cqes: number;
  #tail = 0;
  #handedOver = 0;

  /**
   * Makes the rings.
   *
   * @throws {Error} with one line that says why, where io_uring is forbidden, missing or too old.
   */
  constructor() {
    const { fd, params } = setup();
    this.#fd = fd;
    const sq = IO_URING_PARAMS.sq_off / 4;
    const cq = IO_URING_PARAMS.cq_off / 4;
    const sqEntries = params[IO_URING_PARAMS.sq_entries / 4];
    const cqEntries = params[IO_URING_PARAMS.cq_entries / 4];
    const array = params[sq + IO_SQRING_OFFSETS.array / 4];
    const cqes = params[cq + IO_CQRING_OFFSETS.cqes / 4];
    const size = Math.max(array + 4 * sqEntries, cqes + IO_URING_CQE_SIZE * cqEntries);
    const access = PROT_READ | PROT_WRITE;
    const flags = MAP_SHARED | MAP_POPULATE;
    this.#rings = mmap(size, access, flags, fd);
    const offset = BigInt(IORING_OFF_SQES);
    this.#entries = mmap(IO_URING_SQE_SIZE * sqEntries, access, flags, fd, offset);

    this.#ring = new Uint32Array(this.#rings);
    this.#results = new Int32Array(this.#rings);
    this.#sqes = new Uint32Array(this.#entries);
    this.#sqHead = params[sq + IO_SQRING_OFFSETS.head / 4] / 4;
    this.#sqTail = params[sq + IO_SQRING_OFFSETS.tail / 4] / 4;
    this.#sqMask = this.#ring[params[sq + IO_SQRING_OFFSETS.ring_mask / 4] / 4];
    this.#cqHead = params[cq + IO_CQRING_OFFSETS.head / 4] / 4;
    this.#cqTail = params[cq + IO_CQRING_OFFSETS.tail / 4] / 4;
    this.#cqMask = this.#ring[params[cq + IO_CQRING_OFFSETS.ring_mask / 4] / 4];
    this.#cqes = cqes / 4;
    // The ring holds the numbers of entries; entry N always stands at place N here.
    for (let i = 0; i < sqEntries; i++) this.#ring[array / 4 + i] = i;
  }

  /** Accepts clients, a completion for each, until one of these has no IORING_CQE_F_MORE. */
  acceptMultishot(kind: number, listener: number, flags: number): void {
    this.#prepare(IORING_OP_ACCEPT, 0, IORING_ACCEPT_MULTISHOT, kind, listener, 0, 0, flags);
  }

  /**
   * Receives up to `length` bytes into the memory at `address`.
   *
   * @param pollFirst It is not expected that anything is there already.
   */
  recv(kind: number, fd: number, address: number, length: number, pollFirst: boolean): void {
    const priority = pollFirst ? IORING_RECVSEND_POLL_FIRST : 0;
    this.#prepare(IORING_OP_RECV, 0, priority, kind, fd, address, length, 0);
  }

  /**
   * Sends `length` bytes from the memory at `address`.
   *
   * @param messageFlags With MSG_WAITALL, the kernel goes on after a partial send by itself.
   * @param flags With IOSQE_IO_LINK, the next operation begins when all is sent.
   */
  send(
    kind: number,
    fd: number,
    address: number,
    length: number,
    messageFlags: number,
    flags = 0,
  ): void {
    this.#prepare(IORING_OP_SEND, flags, 0, kind, fd, address, length, messageFlags);
  }

  /** Closes a descriptor; completes in silence, unless it fails. */
  close(kind: number, fd: number): void {
    this.#prepare(IORING_OP_CLOSE, IOSQE_CQE_SKIP_SUCCESS, 0, kind, fd, 0, 0, 0);
  }

  /** Completes with `-ETIME` after a time, which is a `struct timespec` at `address`. */
  timeout(kind: number, address: number): void {
    this.#prepare(IORING_OP_TIMEOUT, 0, 0, kind, -1, address, 1, 0);
  }

  /** Cancels the operation of that kind on that descriptor, which completes with -ECANCELED. */
  cancel(kind: number, targetKind: number, targetFd: number): void {
    this.#prepare(IORING_OP_ASYNC_CANCEL, 0, 0, kind, -1, 0, 0, 0);
    // What identifies the target is its user data, in the place of an address.
    const entry = ((this.#tail - 1) & this.#sqMask) * (IO_URING_SQE_SIZE / 4);
    this.#sqes[entry + IO_URING_SQE.addr / 4] = targetFd;
    this.#sqes[entry + IO_URING_SQE.addr / 4 + 1] = targetKind;
  }

  #prepare(
    opcode: number,
    flags: number,
    ioprio: number,
    kind: number,
    fd: number,
    address: number,
    length: number,
    operationFlags: number,
  ): void {
    // All entries are in use: the kernel takes what there is.
    if (this.#tail - Atomics.load(this.#ring, this.#sqHead) > this.#sqMask) this.#enter(0);
    const sqes = this.#sqes;
    const entry = (this.#tail & this.#sqMask) * (IO_URING_SQE_SIZE / 4);
    sqes[entry] = opcode | flags << 8 | ioprio << 16;
    sqes[entry + IO_URING_SQE.fd / 4] = fd;
    sqes[entry + IO_URING_SQE.off / 4] = 0;
    sqes[entry + IO_URING_SQE.off / 4 + 1] = 0;
    sqes[entry + IO_URING_SQE.addr / 4] = address; // its lower half
    sqes[entry + IO_URING_SQE.addr / 4 + 1] = address / 2 ** 32;
    sqes[entry + IO_URING_SQE.len / 4] = length;
    sqes[entry + IO_URING_SQE.msg_flags / 4] = operationFlags;
    sqes[entry + IO_URING_SQE.user_data / 4] = fd;
    sqes[entry + IO_URING_SQE.user_data / 4 + 1] = kind;
    this.#tail++;
  }

  /**
   * Hands over what has been prepared, and waits until there are `minimum` completions. See
   * io_uring_enter(2).
   */
  submitAndWait(minimum: number): void {
    this.#enter(minimum);
  }

  #enter(minimum: number): void {
    // The kernel reads the entries after it has seen the new tail, so this has to come last, and
    // must not be moved before what was written into them: that is what Atomics is for.
    Atomics.store(this.#ring, this.#sqTail, this.#tail);
    const result = orErrno(libc.io_uring_enter(
      SYS_io_uring_enter,
      this.#fd,
      this.#tail - this.#handedOver,
      minimum,
      IORING_ENTER_GETEVENTS,
      null,
      0,
    ));
    // What has not been handed over after EINTR or EBUSY will be, by the next call.
    if (result === -EINTR || result === -EBUSY) return;
    this.#handedOver += orThrow("io_uring_enter", result, this.#fd);
  }

  /** Calls the handler for each completion that is there, and makes room for new ones. */
  handleCompletions(onCompletion: OnCompletion): void {
    const ring = this.#ring;
    let head = ring[this.#cqHead]; // nobody else writes it
    const tail = Atomics.load(ring, this.#cqTail);
    for (; head !== tail; head = (head + 1) >>> 0) {
      const entry = this.#cqes + (head & this.#cqMask) * (IO_URING_CQE_SIZE / 4);
      const fd = ring[entry];
      const kind = ring[entry + 1];
      const result = this.#results[entry + IO_URING_CQE.res / 4];
      onCompletion(kind, fd, result, ring[entry + IO_URING_CQE.flags / 4]);
    }
    // The kernel may write into these places as soon as it sees the new head.
    Atomics.store(ring, this.#cqHead, head);
  }

  /** Ends what is going on, and releases the rings. */
  [Symbol.dispose](): void {
    munmap(this.#entries);
    munmap(this.#rings);
    close(this.#fd);
  }
}

function setup(): { fd: number; params: Uint32Array<ArrayBuffer> } {
  const best = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
    IORING_SETUP_DEFER_TASKRUN;
  const params = new Uint32Array(IO_URING_PARAMS_SIZE / 4);
  let fd = 0;
  // The last two flags came with Linux 6.0 and 6.1, and make it faster.
  for (const flags of [best, IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL]) {
    params.fill(0);
    params[IO_URING_PARAMS.flags / 4] = flags;
    params[IO_URING_PARAMS.cq_entries / 4] = CQ_ENTRIES;
    fd = orErrno(libc.io_uring_setup(SYS_io_uring_setup, SQ_ENTRIES, params));
    if (fd !== -EINVAL) break;
  }
  const reason = new Map([
    [-EPERM, "forbidden here, by the container or by kernel.io_uring_disabled"],
    [-ENOSYS, "not in this kernel, which is older than Linux 5.1 or built without it"],
    [-EINVAL, "too old in this kernel: it needs Linux 5.19"],
  ]).get(fd);
  if (reason !== undefined) throw new Deno.errors.NotSupported(`io_uring is ${reason}`);
  orThrow("io_uring_setup", fd);
  if (!knows(fd, IORING_OP_SOCKET)) {
    close(fd);
    throw new Deno.errors.NotSupported("io_uring is too old in this kernel: it needs Linux 5.19");
  }
  return { fd, params };
}

/** Whether the kernel knows an operation. */
function knows(fd: number, operation: number): boolean {
  const probe = new Uint8Array(IO_URING_PROBE.ops + 256 * 8);
  orThrow(
    "io_uring_register",
    orErrno(libc.io_uring_register(SYS_io_uring_register, fd, IORING_REGISTER_PROBE, probe, 256)),
    fd,
  );
  if (operation > probe[IO_URING_PROBE.last_op]) return false;
  return (probe[IO_URING_PROBE.ops + 8 * operation + 2] & IO_URING_OP_SUPPORTED) !== 0;
}
