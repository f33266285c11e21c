/**
 * Memory that is shared with the kernel or with other processes: mmap(2).
 *
 * @module
 */

import { close, O_CLOEXEC, O_CREAT, O_RDWR, open } from "./descriptors.ts";
import { errno, orErrno, orThrow, systemError } from "./errno.ts";
import { files, memory } from "./libc.ts";

/** mmap(2): the pages may be read. */
export const PROT_READ = 1;
/** mmap(2): the pages may be written. */
export const PROT_WRITE = 2;
/** mmap(2): every process that maps the same file sees the writes. */
export const MAP_SHARED = 1;
/** mmap(2): no other process sees the writes. */
export const MAP_PRIVATE = 2;
/** mmap(2): no file is behind the memory; it starts as zeros. */
export const MAP_ANONYMOUS = 0x20;
/** mmap(2): no swap space is reserved for it. */
export const MAP_NORESERVE = 0x4000;
/** mmap(2): all pages are made at once, so that no later access has to wait for one. */
export const MAP_POPULATE = 0x8000;

const MAP_FAILED = 2n ** 64n - 1n;

/**
 * Maps `length` bytes of what a descriptor refers to, see mmap(2). The buffer must not be used
 * after munmap(2).
 */
export function mmap(
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset = 0n,
): ArrayBuffer {
  return mappedAt(memory.mmap(null, BigInt(length), protection, flags, fd, offset), length, fd);
}

/** The memory that mmap(2) has mapped at `address`; throws if the call failed. */
export function mappedAt(address: Deno.PointerValue, length: number, fd: number): ArrayBuffer {
  if (address === null || Deno.UnsafePointer.value(address) === MAP_FAILED) {
    throw systemError("mmap", errno(), fd);
  }
  return Deno.UnsafePointerView.getArrayBuffer(address, length);
}

/** Releases what {@linkcode mmap} has mapped; the buffer must not be used afterwards. */
export function munmap(buffer: ArrayBuffer): void {
  const pointer = Deno.UnsafePointer.of(new Uint8Array(buffer));
  orThrow("munmap", orErrno(memory.munmap(pointer, BigInt(buffer.byteLength))));
}

/**
 * Memory that stays at its address until it is unmapped, so that the kernel can use it later. It is
 * all zeros, and a page takes up memory once it has been touched.
 */
export class MappedMemory implements Disposable {
  /** Its content. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its address. */
  readonly address: number;

  /** Maps `length` bytes. */
  constructor(length: number) {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    this.bytes = new Uint8Array(mmap(length, PROT_READ | PROT_WRITE, flags, -1));
    this.address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.bytes)));
  }

  /** Unmaps it; the bytes must not be used afterwards. */
  [Symbol.dispose](): void {
    munmap(this.bytes.buffer);
  }
}

/**
 * Maps a file, which is created if necessary and made at least `length` bytes long. Other processes
 * see in the file what is written to the buffer, even if this process is killed. The mapping stays
 * until the process ends.
 *
 * @throws {Error} if the disk has no room for it, among others.
 */
export function mapFile(path: string, length: number): ArrayBuffer {
  const fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600);
  try {
    // Room is reserved now. If a mapped page had none, writing to it would end the process: SIGBUS.
    orThrow("posix_fallocate", -files.posix_fallocate(fd, 0n, BigInt(length)), path);
    return mmap(length, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  } finally {
    close(fd);
  }
}
