/**
 * Lesson 21 · Computing off the loop: the messages that the loop hands to its threads.
 *
 * Threads share descriptors, but no JavaScript objects. So a message is copied into memory that all
 * of them share, and what goes through the queues is the number of its place there. A place is in
 * use until the loop has taken the result out: as many messages as there are places can be under
 * way, and no more.
 *
 * @module
 */

import { BoundedQueue } from "../../shared/bounded_queue.ts";
import { number } from "../../shared/options.ts";

/** The options of a server with a pool of threads. */
export const POOL = {
  threads: number(2, "how many threads compute", 1, 100),
  places: number(8, "how many messages these have, the waiting ones included", 1, 1000),
};

/** The longest message: what one recv returns at the most, in bytes. */
const SIZE = 64 * 1024;

/** The memory that the threads share. */
export interface JobsMemory {
  /** The queue of the places whose messages wait for a thread. */
  waiting: SharedArrayBuffer;
  /** The queue of the places whose messages have been computed. */
  finished: SharedArrayBuffer;
  /** The messages, by place. */
  messages: SharedArrayBuffer;
  /** How long each of them is, in bytes; 0 if nobody wants its result any more. */
  lengths: Int32Array<SharedArrayBuffer>;
}

/** Messages, each with an owner, which only the loop knows. */
export class Jobs<Owner = never> {
  readonly #waiting: BoundedQueue;
  readonly #finished: BoundedQueue;
  readonly #messages: Uint8Array<SharedArrayBuffer>;
  readonly #lengths: Int32Array<SharedArrayBuffer>;
  readonly #owners = new Map<number, Owner>();
  readonly #free: number[];

  /** Uses the memory that the loop has made. */
  constructor(readonly memory: JobsMemory) {
    this.#waiting = new BoundedQueue(memory.waiting);
    this.#finished = new BoundedQueue(memory.finished);
    this.#messages = new Uint8Array(memory.messages);
    this.#lengths = memory.lengths;
    this.#free = [...this.#lengths.keys()];
  }

  /** Makes room for so many messages, in the queue, in the threads and with their results. */
  static of<Owner>(places: number): Jobs<Owner> {
    return new Jobs({
      waiting: BoundedQueue.of(places).memory,
      finished: BoundedQueue.of(places).memory,
      messages: new SharedArrayBuffer(places * SIZE),
      lengths: new Int32Array(new SharedArrayBuffer(4 * places)),
    });
  }

  /** For the loop: puts a message into the queue. False, without waiting, if there is no room. */
  tryPut(owner: Owner, message: Uint8Array): boolean {
    const place = this.#free.pop();
    if (place === undefined) return false;
    this.#owners.set(place, owner);
    this.#messages.set(message, place * SIZE);
    Atomics.store(this.#lengths, place, message.length);
    return this.#waiting.tryPut(place); // there is room, as much as there are places
  }

  /** For the loop: nobody wants the result. If no thread has begun with it, none will. */
  cancel(owner: Owner): void {
    for (const [place, other] of this.#owners) {
      if (other !== owner) continue;
      this.#owners.delete(place);
      Atomics.store(this.#lengths, place, 0);
    }
  }

  /** For the loop: takes out what has been computed, and leaves out what nobody wants any more. */
  *results(): Generator<[owner: Owner, message: Uint8Array<ArrayBuffer>]> {
    for (let place; (place = this.#finished.tryTake()) !== undefined;) {
      const [owner, message] = [this.#owners.get(place), this.message(place)];
      this.#owners.delete(place);
      this.#free.push(place);
      if (owner !== undefined) yield [owner, message];
    }
  }

  /** For the loop: cancels everything, and lets the threads end. */
  close(): void {
    for (const owner of this.#owners.values()) this.cancel(owner);
    this.#waiting.close();
  }

  /** For a thread: waits for a message, and returns its place; undefined if there will be none. */
  take(): number | undefined {
    return this.#waiting.take();
  }

  /** A copy of a message; empty if it was cancelled. */
  message(place: number): Uint8Array<ArrayBuffer> {
    const [start, length] = [place * SIZE, Atomics.load(this.#lengths, place)];
    return new Uint8Array(this.#messages.subarray(start, start + length));
  }

  /** For a thread: its message has been computed. */
  finish(place: number): void {
    this.#finished.put(place);
  }
}
