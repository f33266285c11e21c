/**
 * The operations of an io_uring, which are no calls: read from the rings themselves, as the kernel
 * does it, whenever `io_uring_enter` is called.
 *
 * @module
 */

import {
  IO_CQRING_OFFSETS,
  IO_SQRING_OFFSETS,
  IO_URING_CQE,
  IO_URING_CQE_SIZE,
  IO_URING_PARAMS,
  IO_URING_SQE,
  IO_URING_SQE_SIZE,
  IORING_CQE_F_MORE,
  IORING_OFF_SQES,
  IORING_OP_ACCEPT,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_OP_TIMEOUT,
} from "../../linux/io_uring/io_uring.ts";
import { threads } from "../../linux/libc.ts";
import { peerOf } from "./peer.ts";
import type { Hook, Recorder, TraceEvent } from "./events.ts";

const { gettid } = threads; // the plain function, whatever will be put in its place

const NAMES = new Map([
  [IORING_OP_ACCEPT, "accept"],
  [IORING_OP_RECV, "recv"],
  [IORING_OP_SEND, "send"],
  [IORING_OP_TIMEOUT, "timeout"],
]);

/** Watches the calls that make rings, map them, and hand over operations. */
export function ringHooks(record: Recorder): Record<string, Hook> {
  const rings = new Map<unknown, Ring>();
  return {
    io_uring_setup: {
      after([, , params], fd) {
        rings.set(fd, new Ring(record, params as Uint32Array));
      },
    },
    mmap: {
      after([, length, , , fd, offset], address) {
        const buffer = () =>
          Deno.UnsafePointerView.getArrayBuffer(address as Deno.PointerObject, Number(length));
        if (rings.has(fd)) rings.get(fd)!.map(Number(offset), new Uint32Array(buffer()));
      },
    },
    io_uring_enter: {
      before: ([, fd], now) => rings.get(fd)?.handOver(now),
      extra: ([, fd]) => ({ completed: rings.get(fd)?.completions ?? 0 }),
      after: ([, fd], _, now) => rings.get(fd)?.complete(now),
    },
  };
}

/** A pair of rings. Operations are told apart by their user data, here a kind and a descriptor. */
class Ring {
  readonly #record: Recorder;
  readonly #params: Uint32Array;
  readonly #tid = gettid();
  readonly #underWay = new Map<string, string>();
  #ring = new Uint32Array(0);
  #entries = new Uint32Array(0);
  #submitted = 0;
  #completed = 0;

  constructor(record: Recorder, params: Uint32Array) {
    this.#record = record;
    this.#params = params.slice();
  }

  map(offset: number, words: Uint32Array<ArrayBuffer>) {
    if (offset === IORING_OFF_SQES) this.#entries = words;
    else this.#ring = words;
  }

  /** What has been prepared since the last time begins now. */
  handOver(now: number) {
    const tail = this.#word("sq_off", IO_SQRING_OFFSETS.tail);
    const mask = this.#word("sq_off", IO_SQRING_OFFSETS.ring_mask);
    for (; this.#submitted !== tail; this.#submitted = (this.#submitted + 1) >>> 0) {
      const at = (this.#submitted & mask) * (IO_URING_SQE_SIZE / 4);
      const [entry, fd] = [this.#entries[at], this.#entries[at + IO_URING_SQE.fd / 4] | 0];
      const length = this.#entries[at + IO_URING_SQE.len / 4];
      const name = NAMES.get(entry & 0xff) ?? `operation ${entry & 0xff}`;
      const id = this.#idAt(this.#entries, at + IO_URING_SQE.user_data / 4);
      const args: TraceEvent["args"] = length === 0 ? { fd } : { fd, length };
      this.#underWay.set(id, name);
      this.#write(name, "b", id, now, args);
    }
  }

  /** How many operations have been done since the last time. */
  get completions(): number {
    return (this.#word("cq_off", IO_CQRING_OFFSETS.tail) - this.#completed) >>> 0;
  }

  /** What has been done since the last time ends now. */
  complete(now: number) {
    const tail = this.#word("cq_off", IO_CQRING_OFFSETS.tail);
    const mask = this.#word("cq_off", IO_CQRING_OFFSETS.ring_mask);
    const cqes = this.#params[(IO_URING_PARAMS.cq_off + IO_CQRING_OFFSETS.cqes) / 4] / 4;
    for (; this.#completed !== tail; this.#completed = (this.#completed + 1) >>> 0) {
      const at = cqes + (this.#completed & mask) * (IO_URING_CQE_SIZE / 4);
      const id = this.#idAt(this.#ring, at + IO_URING_CQE.user_data / 4);
      const more = this.#ring[at + IO_URING_CQE.flags / 4] & IORING_CQE_F_MORE;
      const result = this.#ring[at + IO_URING_CQE.res / 4] | 0;
      const name = this.#underWay.get(id);
      const args: TraceEvent["args"] = { result };
      if (name === "accept" && result >= 0) args.peer = peerOf(result);
      if (name === undefined) this.#write("failure", "i", id, now, args);
      else this.#write(name, more ? "n" : "e", id, now, args);
      if (!more) this.#underWay.delete(id);
    }
  }

  #word(ring: "sq_off" | "cq_off", field: number): number {
    return Atomics.load(this.#ring, this.#params[(IO_URING_PARAMS[ring] + field) / 4] / 4);
  }

  #idAt(words: Uint32Array, at: number): string {
    return `${words[at + 1]}.${words[at]}`;
  }

  #write(
    name: string,
    ph: "b" | "n" | "e" | "i",
    id: string,
    ts: number,
    args: TraceEvent["args"],
  ) {
    const event = { name, cat: "io_uring", ph, pid: Deno.pid, tid: this.#tid, ts, args };
    this.#record(ph === "i" ? { ...event, s: "t" } : { ...event, id });
  }
}
