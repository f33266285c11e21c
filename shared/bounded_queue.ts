/**
 * A queue between threads: a ring of whole numbers in memory that they share. Whoever puts
 * something into a full queue waits for room, and whoever takes something out of an empty one waits
 * for an item. So a slow consumer slows its producers down, and the queue never grows.
 *
 * @module
 */

// The first words of the memory; the items follow.
const LOCK = 0; // 0 free, 1 held, 2 held while others may wait for it
const FIRST = 1; // where the oldest item is
const LENGTH = 2; // how many there are
const CLOSED = 3;
const PUTS = 4; // counts puts, for those who wait for an item
const TAKES = 5; // counts takes, for those who wait for room
const ITEMS = 6;

/**
 * A queue of signed 32-bit numbers, such as descriptors. Each thread makes a `BoundedQueue` of its
 * own from the same memory. Any number of threads may put and take.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const queue = BoundedQueue.of(2);
 * queue.put(7);
 * const seenByAnotherThread = new BoundedQueue(queue.memory);
 * assertEquals(seenByAnotherThread.take(), 7);
 * ```
 */
export class BoundedQueue {
  readonly #words: Int32Array<SharedArrayBuffer>;

  /** Uses the memory of a queue that another thread has made. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Makes an empty queue with room for `capacity` items, at least one. */
  static of(capacity: number): BoundedQueue {
    if (!(capacity >= 1)) throw new RangeError(`a queue has room for 1 or more, not ${capacity}`);
    return new BoundedQueue(new SharedArrayBuffer(4 * (ITEMS + capacity)));
  }

  /** What to hand to another thread. */
  get memory(): SharedArrayBuffer {
    return this.#words.buffer;
  }

  /** How many items it has room for. */
  get capacity(): number {
    return this.#words.length - ITEMS;
  }

  /** How many items are in it now. */
  get length(): number {
    return Atomics.load(this.#words, LENGTH);
  }

  /** Adds an item at the end, and waits for room first. False if the queue is closed. */
  put(item: number): boolean {
    while (true) {
      // A take between the attempt and the wait changes the count, and then wait returns at once.
      const takes = Atomics.load(this.#words, TAKES);
      if (this.tryPut(item)) return true;
      if (this.#isClosed()) return false;
      Atomics.wait(this.#words, TAKES, takes);
    }
  }

  /** Adds an item at the end. False, without waiting, if the queue is full or closed. */
  tryPut(item: number): boolean {
    this.#lock();
    const first = Atomics.load(this.#words, FIRST);
    const length = Atomics.load(this.#words, LENGTH);
    const fits = length < this.capacity && !this.#isClosed();
    if (fits) {
      Atomics.store(this.#words, ITEMS + (first + length) % this.capacity, item);
      Atomics.store(this.#words, LENGTH, length + 1);
    }
    this.#unlock();
    if (fits) this.#announce(PUTS, 1);
    return fits;
  }

  /** Removes the oldest item, and waits for one first. Undefined if it is closed and empty. */
  take(): number | undefined {
    while (true) {
      const puts = Atomics.load(this.#words, PUTS);
      // Asked before the attempt, since an item may come between the attempt and the closing.
      const closed = this.#isClosed();
      const item = this.tryTake();
      if (item !== undefined || closed) return item;
      Atomics.wait(this.#words, PUTS, puts);
    }
  }

  /** Removes the oldest item. Undefined, without waiting, if there is none. */
  tryTake(): number | undefined {
    this.#lock();
    const first = Atomics.load(this.#words, FIRST);
    const length = Atomics.load(this.#words, LENGTH);
    const item = length > 0 ? Atomics.load(this.#words, ITEMS + first) : undefined;
    if (item !== undefined) {
      Atomics.store(this.#words, FIRST, (first + 1) % this.capacity);
      Atomics.store(this.#words, LENGTH, length - 1);
    }
    this.#unlock();
    if (item !== undefined) this.#announce(TAKES, 1);
    return item;
  }

  /** Lets nothing more in and wakes all that wait. What is in the queue can still be taken. */
  close(): void {
    this.#lock();
    Atomics.store(this.#words, CLOSED, 1);
    this.#unlock();
    this.#announce(PUTS, Infinity);
    this.#announce(TAKES, Infinity);
  }

  #isClosed(): boolean {
    return Atomics.load(this.#words, CLOSED) === 1;
  }

  #announce(count: typeof PUTS | typeof TAKES, sleepers: number): void {
    Atomics.add(this.#words, count, 1);
    Atomics.notify(this.#words, count, sleepers);
  }

  // Held for a few instructions, so that two threads never see the ring half changed.
  #lock(): void {
    if (Atomics.compareExchange(this.#words, LOCK, 0, 1) === 0) return;
    while (Atomics.exchange(this.#words, LOCK, 2) !== 0) Atomics.wait(this.#words, LOCK, 2);
  }

  #unlock(): void {
    if (Atomics.exchange(this.#words, LOCK, 0) === 2) Atomics.notify(this.#words, LOCK, 1);
  }
}
