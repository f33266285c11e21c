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
  {
    id: "12.2",
    title: "Always the same one",
    story:
      "A game moves its figures in turns. One figure has fallen behind, and computes when it " +
      "should have moved. From then on no other figure moves.",
    question: {
      asks: "Two coroutines take turns. One of them sleeps for -5 milliseconds. Who goes next?",
      answers: [
        "the other one, since it has waited for longer",
        "the one that sleeps, again and again",
        "whichever was started first",
      ],
      correct: 1,
    },
    script: "12-sleep-scheduler/scheduler.ts",
    changes: [
      [
        " * @param milliseconds How long; a negative number counts as 0.\n",
        " * @param milliseconds How long.\n",
      ],
      ["  yield { milliseconds: Math.max(0, milliseconds) };\n", "  yield { milliseconds };\n"],
      [
        `
      // It is negative if another coroutine has computed for too long. No sleep is shorter than 0,
      // so a coroutine that is late is resumed at once.
`,
        "\n",
      ],
    ],
    foundBy: "lets another one have its turn, even if a sleep is shorter than 0",
    says: /who had a turn: late,late,late,other/,
    hints: [
      "Print the time at which each coroutine is to wake up. Which of them is the earliest?",
      "The clock stands still while they take turns. When does a coroutine wake up that falls " +
      "asleep now, for less than nothing?",
      "`yield { milliseconds }` lets a coroutine wake up in the past, before all that are due " +
      "now: no sleep may be shorter than 0.",
    ],
    explanation: "The scheduler resumes the coroutine that is due first. A negative sleep ends " +
      "in the past, so its coroutine is due before all others, however long they have waited. As " +
      "0, it is due now, behind those that are due already. A time that is computed as a " +
      "deadline minus now is negative whenever something was late: check it where it comes in.",
  },
  {
    id: "12.3",
    title: "Nobody gets up",
    story: "Everything is prepared: coroutines are started, and stand in the order in which they " +
      "wake up. But the program ends at once.",
    question: {
      asks:
        "Two coroutines sleep for 2 seconds each, on one thread. How long does the thread sleep?",
      answers: [
        "4 seconds: first for the one, then for the other",
        "2 seconds: for both at the same time",
        "not at all: it looks at the clock again and again",
      ],
      correct: 1,
    },
    script: "12-sleep-scheduler/scheduler.ts",
    changes: [[
      ["    const failures: Failure[] = [];\n", "    return failures;\n"],
      `    const failures: Failure[] = [];
    // Write the loop. While there is a first one among the sleepers (this.#sleepers.next): sleep
    // until its time has come (this.#clock), take it out (delete), resume its coroutine, and add it
    // again, with the time at which it is due next. If it throws, report and note the failure.
    return failures;
`,
    ]],
    foundBy: "wakes the one that is due first, whichever was started first",
    says: /^who woke: nobody$/,
    hints: [
      "`this.#sleepers.next` has the time and the item of the first one. What does its coroutine " +
      "say when it is resumed?",
      "`next` returns `done` and `value`. One that is not done is due at the time of the clock, " +
      "plus the `milliseconds` in its value.",
      "The heart of it is `this.#sleepers.add(time, next.item)`, after each `coroutine.next()` " +
      "that is not done; the whole of it is in a loop, and in a try block.",
    ],
    explanation: "A scheduler is a loop around a heap: take the first, wait until it is due, " +
      "resume it, put it back. The thread always sleeps just until the next one is due, and by " +
      "doing so for all of them. After that it looks at the clock again, since a sleep can end " +
      "early; and an error ends one coroutine, not the loop.",
    fromScratch: true,
  },
];
