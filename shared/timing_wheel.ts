/**
 * Timers on a wheel: coarse ones, of which there are many, and most of which are moved or deleted
 * before their time. Adding, moving and deleting one takes a few steps, however many there are.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const wheel = new TimingWheel<string>(20);
 * wheel.add(1005, "tea");
 * assertEquals(wheel.takeDue(1019), []);
 * assertEquals(wheel.takeDue(1020), ["tea"]);
 * ```
 *
 * @module
 */

/** Something that is due at a time. Its neighbours are in the same slot of the wheel. */
export interface WheelTimer<Item> {
  /** What. */
  readonly item: Item;
  /** The tick at which it is due; Infinity if it never is. */
  tick: number;
  /** The one behind it; undefined while it is in no slot. */
  next?: WheelTimer<Item>;
  /** The one before it. */
  previous?: WheelTimer<Item>;
}

/** A power of two, so that the slot of a tick is its last bits. */
const SLOTS = 512;

/**
 * Timers. Time is cut into ticks, and every tick has one of 512 slots: a list of the timers that
 * are due then, or a number of turns of the wheel later. No timer is due before its time, or a
 * whole tick after it. The order of those that are due at the same tick is not defined.
 */
export class TimingWheel<Item> {
  /** How many timers will be due. */
  size = 0;
  readonly #slots: WheelTimer<Item>[] = [];
  #now = 0; // the last tick that has been taken out

  /** Makes a wheel without timers. A tick has the unit of all times; here, that is milliseconds. */
  constructor(readonly tick: number) {
    for (let i = 0; i < SLOTS; i++) {
      const head = { tick: Infinity } as WheelTimer<Item>; // of a circle, so that none is empty
      this.#slots.push(head.next = head.previous = head);
    }
  }

  /** Adds a timer; with Infinity, it is never due, but can be moved. */
  add(time: number, item: Item): WheelTimer<Item> {
    const timer: WheelTimer<Item> = { item, tick: 0, next: undefined, previous: undefined };
    this.move(timer, time);
    return timer;
  }

  /** Lets a timer be due at another time, whether it has been due before or not. */
  move(timer: WheelTimer<Item>, time: number): void {
    // A time that has passed is due with the next tick that is taken out.
    const tick = Math.max(Math.ceil(time / this.tick), this.#now + 1);
    if (tick === timer.tick && timer.next !== undefined) return;
    this.delete(timer);
    timer.tick = tick;
    if (tick === Infinity) return;
    const head = this.#slots[tick % SLOTS];
    timer.previous = head.previous;
    timer.next = head;
    head.previous = head.previous!.next = timer;
    this.size++;
  }

  /** Removes a timer. Nothing happens if it is in no slot. */
  delete(timer: WheelTimer<Item>): void {
    if (timer.next === undefined) return;
    timer.previous!.next = timer.next;
    timer.next.previous = timer.previous;
    timer.next = timer.previous = undefined;
    this.size--;
  }

  /** Removes the timers whose time has come, and returns what was due. */
  takeDue(now: number): Item[] {
    const due: Item[] = [];
    const last = Math.floor(now / this.tick);
    // After a whole turn, every slot has been looked at.
    for (let tick = Math.max(this.#now + 1, last - SLOTS + 1); tick <= last; tick++) {
      const head = this.#slots[tick % SLOTS];
      for (let timer = head.next!; timer !== head;) {
        const { item, next, tick } = timer;
        if (tick <= last) {
          this.delete(timer);
          due.push(item);
        }
        timer = next!;
      }
    }
    this.#now = last;
    return due;
  }
}
