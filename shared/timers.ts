/**
 * Who is to be woken when: a heap, ordered by time and then by arrival. The schedulers of lessons
 * 12 to 14 are built on it.
 *
 * @module
 */

/** Something that is due at a time. */
export interface Timer<Item> {
  /** When, on whatever clock the caller uses. */
  readonly time: number;
  /** What. */
  readonly item: Item;
}

interface Entry<Item> extends Timer<Item> {
  /** How many were added before it: of two with the same time, the first to come goes first. */
  readonly arrival: number;
  /** Its place in the heap; -1 when it is in there no more. */
  place: number;
}

/**
 * Timers, of which the earliest can be found at once; to add or to delete one takes a number of
 * steps that grows with the logarithm of how many there are.
 */
export class Timers<Item> {
  // A binary heap: the children of place N are at 2 N + 1 and 2 N + 2, and none is earlier than its
  // parent.
  readonly #heap: Entry<Item>[] = [];
  #arrivals = 0;

  /** How many there are. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest; undefined if there is none. */
  get next(): Timer<Item> | undefined {
    return this.#heap[0];
  }

  /** Adds one; throws a RangeError if its time is not a number. */
  add(time: number, item: Item): Timer<Item> {
    if (Number.isNaN(time)) throw new RangeError("the time is not a number");
    const entry = { time, item, arrival: this.#arrivals++, place: this.#heap.length };
    this.#heap.push(entry);
    this.#rise(entry);
    return entry;
  }

  /** Removes one, wherever it stands. Nothing happens if it is in there no more. */
  delete(timer: Timer<Item>): void {
    const entry = timer as Entry<Item>;
    if (entry.place === -1) return;
    const last = this.#heap.pop()!;
    if (last !== entry) {
      this.#put(last, entry.place);
      this.#rise(last);
      this.#sink(last);
    }
    entry.place = -1;
  }

  /** Removes the earliest if its time has come, and returns it. */
  takeDue(now: number): Timer<Item> | undefined {
    const [first] = this.#heap;
    if (first === undefined || first.time > now) return undefined;
    this.delete(first);
    return first;
  }

  #put(entry: Entry<Item>, place: number): void {
    this.#heap[place] = entry;
    entry.place = place;
  }

  #rise(entry: Entry<Item>): void {
    while (entry.place > 0) {
      const { place } = entry;
      const parent = this.#heap[(place - 1) >> 1];
      if (isBefore(parent, entry)) return;
      this.#put(entry, parent.place);
      this.#put(parent, place);
    }
  }

  #sink(entry: Entry<Item>): void {
    while (true) {
      const { place } = entry;
      const left = this.#heap[2 * place + 1];
      const right = this.#heap[2 * place + 2];
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(entry, child)) return;
      this.#put(entry, child.place);
      this.#put(child, place);
    }
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.time < b.time || (a.time === b.time && a.arrival < b.arrival);
}
