/**
 * Step functions of time. All that the kernel holds is one: it has a value from one moment on,
 * until it gets another. So a moment can be looked up without those before it, and going there step
 * by step finds the same.
 *
 * @module
 */

/** A value that changes at moments. */
export class Series<Value> {
  readonly #times: number[] = [];
  readonly #values: Value[] = [];

  readonly #initial: Value;

  /** The value is `initial` until its first change. */
  constructor(initial: Value) {
    this.#initial = initial;
  }

  /** When it has changed. */
  get times(): readonly number[] {
    return this.#times;
  }

  /** Its value after all changes. */
  get last(): Value {
    return this.#values.at(-1) ?? this.#initial;
  }

  /** From `time` on it has another value. A time before that of the last change counts as that. */
  set(time: number, value: Value): void {
    this.#times.push(Math.max(time, this.#times.at(-1) ?? -Infinity));
    this.#values.push(value);
  }

  /** Its value at a time. */
  at(time: number): Value {
    const index = lastAt(this.#times, time);
    return index === -1 ? this.#initial : this.#values[index];
  }

  /** When its value at a time began; -Infinity if that is the initial one. */
  since(time: number): number {
    return this.#times[lastAt(this.#times, time)] ?? -Infinity;
  }

  /** When its value first fulfilled a condition that then holds forever; Infinity if never. */
  when(condition: (value: Value) => boolean): number {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (condition(this.#values[middle])) high = middle;
      else low = middle + 1;
    }
    return this.#times[low] ?? Infinity;
  }
}

/** The index of the last of some ascending times that has come; -1 if none has. */
export function lastAt(times: ArrayLike<number>, time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
