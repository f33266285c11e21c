/**
 * Timers in the order in which they fire: a binary heap, ordered by time and then by arrival. The
 * schedulers of lessons 12 to 14 are built on it.
 *
 * @module
 */

/** Something that is due at a time. */
export interface Timer<Item> {
  /** When, on whatever clock the caller uses. */
  readonly time: number;
  /** What. */
  readonly item: Item;
  /** How many were added before it: of two with the same time, the first added comes first. */
  readonly arrival: number;
  /** Where it is in the heap; -1 when it has left it. */
  index: number;
}

/**
 * Timers. The earliest is found at once; adding or deleting one takes a number of steps that grows
 * with the logarithm of how many there are.
 */
export class Timers<Item> {
  // The children of index N are at 2 N + 1 and 2 N + 2, and none is earlier than its parent.
  readonly #heap: Timer<Item>[] = [];
  #arrivals = 0;

  /** The earliest; undefined if there is none. */
  get next(): Timer<Item> | undefined {
    return this.#heap[0];
  }

  /** Adds one; throws a RangeError if its time is not a number. */
  add(time: number, item: Item): Timer<Item> {
    if (Number.isNaN(time)) throw new RangeError("the time is not a number");
    const timer = { time, item, arrival: this.#arrivals++, index: this.#heap.length };
    this.#heap.push(timer);
    this.#rise(timer);
    return timer;
  }

  /** Removes one. Nothing happens if it was removed before. */
  delete(timer: Timer<Item>): void {
    if (timer.index === -1) return;
    const last = this.#heap.pop()!;
    if (last !== timer) {
      this.#put(last, timer.index);
      this.#rise(last);
      this.#sink(last);
    }
    timer.index = -1;
  }

  /** Removes the earliest if its time has come, and returns it. */
  takeDue(now: number): Timer<Item> | undefined {
    const [first] = this.#heap;
    if (first === undefined || first.time > now) return undefined;
    this.delete(first);
    return first;
  }

  #put(timer: Timer<Item>, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  #rise(timer: Timer<Item>): void {
    while (timer.index > 0) {
      const { index } = timer;
      const parent = this.#heap[(index - 1) >> 1];
      if (isBefore(parent, timer)) return;
      this.#put(timer, parent.index);
      this.#put(parent, index);
    }
  }

  #sink(timer: Timer<Item>): void {
    while (true) {
      const { index } = timer;
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(timer, child)) return;
      this.#put(timer, child.index);
      this.#put(child, index);
    }
  }
}

function isBefore(a: Timer<unknown>, b: Timer<unknown>): boolean {
  return a.time < b.time || (a.time === b.time && a.arrival < b.arrival);
}
