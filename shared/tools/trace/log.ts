/**
 * A file that lines are appended to through memory: no call for each line, nothing lost when the
 * process is killed, and the threads of a process can write to it at once.
 *
 * @module
 */

import { ENOSPC, orErrno, orThrow, systemError } from "../../linux/errno.ts";
import { files, memory } from "../../linux/libc.ts";
import {
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_RDWR,
  O_TRUNC,
  SEEK_CUR,
} from "../../linux/descriptors.ts";
import { MAP_SHARED, mappedAt, PROT_READ, PROT_WRITE } from "../../linux/memory.ts";
import { PIECE } from "./file.ts";

// The plain functions, also when there are wrappers in their place: the log is not in the log.
const { lseek, open, write } = files;
const { mmap, munmap } = memory;

const SPACE = " ".charCodeAt(0);

/**
 * A log. It appends a piece of spaces to the file, maps it, and writes lines over them. A line that
 * does not fit begins the next piece, so no line is in two. Each thread has its own log, with
 * pieces of its own. Their size is a multiple of the size of a page on every machine.
 */
export class Log {
  readonly #path: string;
  readonly #fd: number;
  readonly #encoder = new TextEncoder();
  readonly #spaces = new Uint8Array(PIECE).fill(SPACE);
  #address: Deno.PointerValue = null;
  #piece = new Uint8Array(0);
  #used = 0;

  /**
   * Opens the file. Like {@linkcode Log.write}, it throws if that cannot be done.
   *
   * @param fresh Whether what is in the file is thrown away.
   */
  constructor(path: string, fresh: boolean) {
    this.#path = path;
    const name = this.#encoder.encode(path + "\0");
    const flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_TRUNC : 0);
    this.#fd = orThrow("open", orErrno(open(name, flags, 0o644)), path);
  }

  /** Appends a line, its end included, of 64 KiB at the most. */
  write(line: string): void {
    if (!this.#fits(line)) {
      this.#grow();
      if (!this.#fits(line)) throw new RangeError("the line is longer than 64 KiB");
    }
  }

  /** Writes a line if there is room for it. Its length in bytes shows only then. */
  #fits(line: string): boolean {
    const { read, written } = this.#encoder.encodeInto(line, this.#piece.subarray(this.#used));
    if (read < line.length) {
      this.#piece.fill(SPACE, this.#used);
      return false;
    }
    this.#used += written;
    return true;
  }

  #grow() {
    // With O_APPEND, no two threads are given the same place, and this one learns where it was.
    const length = orThrow("write", orErrno(write(this.#fd, this.#spaces, PIECE)), this.#path);
    // A disk that fills up takes a part. Memory that is mapped behind the end of a file cannot be
    // written: SIGBUS would end the script.
    if (length < PIECE) throw systemError("write", ENOSPC, this.#path);
    const end = lseek(this.#fd, 0n, SEEK_CUR);
    if (this.#address !== null) munmap(this.#address, BigInt(PIECE));
    const access = PROT_READ | PROT_WRITE;
    this.#address = mmap(null, BigInt(PIECE), access, MAP_SHARED, this.#fd, end - BigInt(PIECE));
    this.#piece = new Uint8Array(mappedAt(this.#address, PIECE, this.#fd));
    this.#used = 0;
  }
}
