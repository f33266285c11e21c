/**
 * The exercises of lesson 12.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "12.1",
    title: "One alarm for two sleepers",
    story: "Reminders are set for nine o'clock, two of them. Only one rings. Reminders at " +
      "different times all ring.",
    question: {
      asks: "Two coroutines sleep for exactly the same time. What happens?",
      answers: [
        "both wake up, in the order in which they fell asleep",
        "one wakes up, the other one never does",
        "one wakes up, the other one when the next sleep is over",
      ],
      correct: 1,
    },
    script: "12-sleep-scheduler/scheduler.ts",
    changes: [
      [
        "#sleepers = new Timers<Task>();",
        "#sleepers = new Map<number, Task>(); // by the time when they wake up",
      ],
      ["#sleepers.add(this.#clock.now(), {", "#sleepers.set(this.#clock.now(), {"],
      [
        `    for (let next = this.#sleepers.next; next !== undefined; next = this.#sleepers.next) {
      const early = next.time - this.#clock.now();
`,
        `    while (this.#sleepers.size > 0) {
      const time = Math.min(...this.#sleepers.keys());
      const early = time - this.#clock.now();
`,
      ],
      [
        `      this.#sleepers.delete(next);
      const { id, coroutine, name } = next.item;
`,
        `      const task = this.#sleepers.get(time)!;
      this.#sleepers.delete(time);
      const { id, coroutine, name } = task;
`,
      ],
      ["this.#sleepers.add(time, next.item);", "this.#sleepers.set(time, task);"],
    ],
    foundBy: "wakes both of two coroutines that sleep for the same time",
    says: /both should have woken up/,
    hints: [
      "Both are started, and both fall asleep. Where does the scheduler keep the first one then?",
      "A `Map` has one value for each key. What is the key here?",
      "`this.#sleepers.set` replaces a coroutine that wakes up at the same time: keep them in a " +
      "heap of entries, such as `Timers`, instead.",
    ],
    explanation: "A time is no name: two coroutines may wake up at the same moment, and a map " +
      "that is keyed by time keeps only the last one. A heap of entries keeps both, and those " +
      "with the same time in the order in which they came.",
  },
];
