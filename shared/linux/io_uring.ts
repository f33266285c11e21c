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
import { addressOfBuffer, MAP_POPULATE, MAP_SHARED, mapAnonymous, mmap, munmap } from "./memory.ts";
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
/** io_uring_register(2): make a table of files. */
export const IORING_REGISTER_FILES2 = 13;
/** io_uring_register(2): hand over a ring of buffers, of which the kernel takes what it needs. */
export const IORING_REGISTER_PBUF_RING = 22;
/** Of a table of files: it begins empty. */
export const IORING_RSRC_REGISTER_SPARSE = 1 << 0;
/** The kernel's limit for a table of files. */
const IORING_MAX_FIXED_FILES = 1 << 20;
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
/** Put a file into the table of files, or take it out. */
export const IORING_OP_FILES_UPDATE = 20;
/** send(2). */
export const IORING_OP_SEND = 26;
/** recv(2). */
export const IORING_OP_RECV = 27;
/** send(2) without a copy: not used here, but as old as all that is, Linux 6.0. */
export const IORING_OP_SEND_ZC = 47;

/** Of an operation: its file is in the table, at the place that it names. */
export const IOSQE_FIXED_FILE = 1 << 0;
/** Of an operation: the kernel takes one of the provided buffers. */
export const IOSQE_BUFFER_SELECT = 1 << 5;
/** Of an operation: it completes in silence, unless it fails. */
export const IOSQE_CQE_SKIP_SUCCESS = 1 << 6;
/** Of an accept: a completion for each client, until it fails. */
export const IORING_ACCEPT_MULTISHOT = 1 << 0;
/** Of a completion: more of the same operation will follow. */
export const IORING_CQE_F_MORE = 1 << 1;
/** Of a completion: where the number of the buffer that was used is, in its flags. */
export const IORING_CQE_BUFFER_SHIFT = 16;

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
  buf_group: 40,
};
/** `sizeof(struct io_uring_cqe)`, an entry of the completion ring. */
export const IO_URING_CQE_SIZE = 16;
/** Where the fields of `struct io_uring_cqe` are. */
export const IO_URING_CQE = { user_data: 0, res: 8, flags: 12 };
/** Where the fields of `struct io_uring_probe` are. */
export const IO_URING_PROBE = { last_op: 0, ops: 16 };

/** `sizeof(struct io_uring_rsrc_register)`. */
export const IO_URING_RSRC_REGISTER_SIZE = 32;
/** Where the fields of `struct io_uring_rsrc_register` are. */
export const IO_URING_RSRC_REGISTER = { nr: 0, flags: 4 };
/** `sizeof(struct io_uring_buf_reg)`. */
export const IO_URING_BUF_REG_SIZE = 40;
/** Where the fields of `struct io_uring_buf_reg` are. */
export const IO_URING_BUF_REG = { ring_addr: 0, ring_entries: 8, bgid: 12 };
/** `sizeof(struct io_uring_buf)`, an entry in a ring of buffers. */
export const IO_URING_BUF_SIZE = 16;
/** Where the fields of `struct io_uring_buf` are; the ring's tail is in `resv` of the first. */
export const IO_URING_BUF = { addr: 0, len: 8, bid: 12, resv: 14 };

// Longer rings would cost more: they are gone through from end to end, again and again, and should
// stay in the cache. What finds no room is kept by the kernel.
const SQ_ENTRIES = 256;
const CQ_ENTRIES = 2048;

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
  readonly #timespec = mapAnonymous(16);
  #files = mapAnonymous(4);

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

  /**
   * Makes a table of `limit` files, or of as many as the kernel allows, which is to hold the file
   * of each descriptor at the place of its number. Operations on files in the table are faster,
   * since the kernel neither has to look the descriptor up nor to count who uses the file.
   */
  registerFiles(limit: number): void {
    const count = Math.min(limit, IORING_MAX_FIXED_FILES);
    const request = new Uint32Array(IO_URING_RSRC_REGISTER_SIZE / 4);
    request[IO_URING_RSRC_REGISTER.nr / 4] = count;
    request[IO_URING_RSRC_REGISTER.flags / 4] = IORING_RSRC_REGISTER_SPARSE;
    this.#register(IORING_REGISTER_FILES2, request, IO_URING_RSRC_REGISTER_SIZE);
    munmap(this.#files);
    this.#files = mapAnonymous(4 * (count + 1));
    new Int32Array(this.#files)[count] = -1; // stands for none
  }

  /** Provides buffers for {@linkcode IoUring.recvProvided}; see {@linkcode ProvidedBuffers}. */
  provideBuffers(size: number): ProvidedBuffers {
    const buffers = new ProvidedBuffers(size);
    const request = new Uint32Array(IO_URING_BUF_REG_SIZE / 4);
    request[IO_URING_BUF_REG.ring_addr / 4] = buffers.ring; // its lower half
    request[IO_URING_BUF_REG.ring_addr / 4 + 1] = buffers.ring / 2 ** 32;
    request[IO_URING_BUF_REG.ring_entries / 4] = BUFFERS;
    this.#register(IORING_REGISTER_PBUF_RING, request, 1);
    return buffers;
  }

  #register(operation: number, request: Uint32Array<ArrayBuffer>, count: number): void {
    const bytes = new Uint8Array(request.buffer);
    const result = libc.io_uring_register(
      SYS_io_uring_register,
      this.#fd,
      operation,
      bytes,
      count,
    );
    orThrow("io_uring_register", orErrno(result), this.#fd);
  }

  /** Accepts clients, a completion for each, until one of these has no IORING_CQE_F_MORE. */
  acceptMultishot(kind: number, listener: number, flags: number): void {
    this.#prepare(IORING_OP_ACCEPT, 0, IORING_ACCEPT_MULTISHOT, kind, listener, 0, 0, flags);
  }

  /** Receives up to `length` bytes into the memory at `address`, once. */
  recv(kind: number, fd: number, address: number, length: number): void {
    this.#prepare(IORING_OP_RECV, 0, 0, kind, fd, address, length, 0);
  }

  /** Puts the file of a descriptor into the table; completes in silence, unless it fails. */
  register(kind: number, fd: number): void {
    new Int32Array(this.#files)[fd] = fd;
    this.#updateFile(kind, fd, fd);
  }

  #updateFile(kind: number, place: number, source: number): void {
    const address = addressOfBuffer(this.#files) + 4 * source;
    const flags = IOSQE_CQE_SKIP_SUCCESS;
    this.#prepare(IORING_OP_FILES_UPDATE, flags, 0, kind, place, address, 1, 0);
    this.#sqes[this.#entry + IO_URING_SQE.off / 4] = place;
  }

  /**
   * Receives on a registered descriptor, once, into one of the provided buffers: see
   * {@linkcode ProvidedBuffers.take}. Completes with -ENOBUFS if there is none left.
   */
  recvProvided(kind: number, fd: number): void {
    const flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    this.#prepare(IORING_OP_RECV, flags, 0, kind, fd, 0, 0, 0);
  }

  /**
   * Sends `length` bytes from the memory at `address` on a registered descriptor.
   *
   * @param messageFlags With MSG_WAITALL, the kernel goes on after a partial send by itself.
   */
  send(kind: number, fd: number, address: number, length: number, messageFlags: number): void {
    this.#prepare(IORING_OP_SEND, IOSQE_FIXED_FILE, 0, kind, fd, address, length, messageFlags);
  }

  /** Closes a registered descriptor; completes in silence, unless it fails. */
  close(kind: number, fd: number): void {
    this.#updateFile(kind, fd, this.#files.byteLength / 4 - 1);
    this.#prepare(IORING_OP_CLOSE, IOSQE_CQE_SKIP_SUCCESS, 0, kind, fd, 0, 0, 0);
  }

  /** Completes with `-ETIME` after that many milliseconds. */
  timeout(kind: number, milliseconds: number): void {
    // The kernel reads the time when the operation is handed over.
    const timespec = new BigInt64Array(this.#timespec);
    timespec[0] = BigInt(Math.floor(milliseconds / 1000));
    timespec[1] = BigInt(Math.round(milliseconds % 1000 * 1e6));
    this.#prepare(IORING_OP_TIMEOUT, 0, 0, kind, -1, addressOfBuffer(this.#timespec), 1, 0);
    this.#enter(0);
  }

  /**
   * Cancels the operation of that kind on that descriptor, which completes with -ECANCELED. The
   * cancelling itself completes in silence, unless there is nothing to cancel.
   */
  cancel(kind: number, targetKind: number, targetFd: number): void {
    this.#prepare(IORING_OP_ASYNC_CANCEL, IOSQE_CQE_SKIP_SUCCESS, 0, kind, -1, 0, 0, 0);
    // What identifies the target is its user data, in the place of an address.
    this.#sqes[this.#entry + IO_URING_SQE.addr / 4] = targetFd;
    this.#sqes[this.#entry + IO_URING_SQE.addr / 4 + 1] = targetKind;
  }

  /** Where the entry that was prepared last begins, in words. */
  get #entry(): number {
    return ((this.#tail - 1) & this.#sqMask) * (IO_URING_SQE_SIZE / 4);
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
    const used = (this.#tail - Atomics.load(this.#ring, this.#sqHead)) >>> 0;
    if (used > this.#sqMask) this.#enter(0);
    this.#tail = (this.#tail + 1) >>> 0; // as the kernel counts
    const [sqes, entry] = [this.#sqes, this.#entry];
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
    sqes[entry + IO_URING_SQE.buf_group / 4] = 0;
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
      (this.#tail - this.#handedOver) >>> 0,
      minimum,
      IORING_ENTER_GETEVENTS,
      null,
      0,
    ));
    // What has not been handed over after EINTR or EBUSY will be, by the next call.
    if (result === -EINTR || result === -EBUSY) return;
    this.#handedOver = (this.#handedOver + orThrow("io_uring_enter", result, this.#fd)) >>> 0;
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
    munmap(this.#files);
    munmap(this.#timespec);
    munmap(this.#entries);
    munmap(this.#rings);
    close(this.#fd);
  }
}

/** How many buffers there can be in a ring of them. */
const BUFFERS = 8192;
/** How many are provided at a time: what nobody has needed yet takes no memory. */
const SUPPLY = 64;

/**
 * Buffers for whatever is received. The kernel takes one when data has arrived, and not before, so
 * that a client who says nothing has none; the program gives it back. Few are in use in the same
 * moment, and these stay in the cache.
 */
export class ProvidedBuffers implements Disposable {
  /** The address of the ring in which they are handed over. */
  readonly ring: number;
  readonly #ring = mapAnonymous(BUFFERS * IO_URING_BUF_SIZE);
  readonly #memory: ArrayBuffer;
  readonly #start: number;
  readonly #stride: number;
  readonly #size: number;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #halves: Uint16Array<ArrayBuffer>;
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  #tail = 0;
  #free = 0;

  /** Maps the memory, of which a page exists once it has been used. */
  constructor(size: number) {
    this.#size = size;
    // A line of the cache more: were all of them at the same place of a page, they would push each
    // other out of the cache.
    this.#stride = size + 64;
    this.#memory = mapAnonymous(BUFFERS * this.#stride);
    this.#start = addressOfBuffer(this.#memory);
    this.ring = addressOfBuffer(this.#ring);
    this.#words = new Uint32Array(this.#ring);
    this.#halves = new Uint16Array(this.#ring);
    this.supply();
  }

  /**
   * Provides some more, unless there are some.
   *
   * @returns Whether there are any now: if not, all are in use.
   */
  supply(): boolean {
    if (this.#free > 0) return true;
    for (let i = 0; i < SUPPLY && this.#buffers.length < BUFFERS; i++) {
      const buffer = this.#buffers.length;
      this.#buffers.push(new Uint8Array(this.#memory, buffer * this.#stride, this.#size));
      this.release(buffer);
    }
    return this.#free > 0;
  }

  /** The number of the buffer that a completion has used, from its flags. */
  take(flags: number): number {
    this.#free--;
    return flags >>> IORING_CQE_BUFFER_SHIFT;
  }

  /** What is in a buffer. */
  bytes(buffer: number): Uint8Array<ArrayBuffer> {
    return this.#buffers[buffer];
  }

  /** Where a buffer is. */
  address(buffer: number): number {
    return this.#start + buffer * this.#stride;
  }

  /** Gives a buffer back. */
  release(buffer: number): void {
    const entry = (this.#tail & (BUFFERS - 1)) * IO_URING_BUF_SIZE;
    const address = this.address(buffer);
    this.#words[(entry + IO_URING_BUF.addr) / 4] = address;
    this.#words[(entry + IO_URING_BUF.addr) / 4 + 1] = address / 2 ** 32;
    this.#words[(entry + IO_URING_BUF.len) / 4] = this.#size;
    this.#halves[(entry + IO_URING_BUF.bid) / 2] = buffer;
    this.#tail = (this.#tail + 1) & 0xffff; // as the kernel counts
    this.#free++;
    // As with the submission ring: the new tail after what stands before it.
    Atomics.store(this.#halves, IO_URING_BUF.resv / 2, this.#tail);
  }

  /** Releases the memory. */
  [Symbol.dispose](): void {
    munmap(this.#memory);
    munmap(this.#ring);
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
    [-EINVAL, "too old in this kernel: it needs Linux 6.0"],
  ]).get(fd);
  if (reason !== undefined) throw new Deno.errors.NotSupported(`io_uring is ${reason}`);
  orThrow("io_uring_setup", fd);
  if (!knows(fd, IORING_OP_SEND_ZC)) {
    close(fd);
    throw new Deno.errors.NotSupported("io_uring is too old in this kernel: it needs Linux 6.0");
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
