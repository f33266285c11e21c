/**
 * The exercises of lesson 10.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "10.1",
    title: "The last statement",
    story: "A member gives up an account. The bank prints a last statement for it. A year later " +
      "the account is still open.",
    question: {
      asks: "The owner of an account gives it up with return(…). What does that call give?",
      answers: [
        "the value that was passed to it, and done",
        "no value: the generator is gone",
        "one more balance, and not done",
      ],
      correct: 2,
    },
    script: "10-generators/main.ts",
    changes: [[
      `  } finally { // however it ends, once it has begun
    console.log("generator: finally");
`,
      `  } finally { // however it ends, once it has begun
    console.log("generator: finally");
    yield balance; // the last statement
`,
    ]],
    foundBy: "closes an account that is given up",
    says: /return\(…\) gave \{ value: 0, done: false \}/,
    hints: [
      "The account was given up with return(…), and its block ran. Did the generator end then?",
      "A generator that is made to return still runs its `finally` block, and may stop in there.",
      "`yield balance` in the `finally` block hands out a value in place of the end: remove it. " +
      "The caller knows the last balance already.",
    ],
    explanation: "What return and throw bring into a generator waits until its finally block has " +
      "run. A yield in that block stops the generator there, and the caller gets a value and " +
      "`done: false` in place of the end. Most callers, such as for...of with a break, never " +
      "call it again, so the rest of the block does not run either. A finally block cleans up, " +
      "and hands out nothing.",
  },
  {
    id: "10.2",
    title: "A lost deposit",
    story: "A new member opens an account and pays in at once, and this amount is missing. " +
      "Whatever is paid in later counts.",
    question: {
      asks: "A generator has just been made, and its first call is next(4). What becomes of the 4?",
      answers: [
        "it is the value of the first yield",
        "it is the first parameter of the generator function",
        "nothing: no yield is there to take it",
      ],
      correct: 2,
    },
    script: "10-generators/main.ts",
    changes: [[
      `for (const each of [full, broken, left, abandoned]) console`,
      `for (const each of [broken, left, abandoned]) console`,
    ]],
    foundBy: "counts the first amount that is paid in",
    says: /next\(4\) gave \{ value: 0, done: false \}/,
    hints: [
      "Compare what next(4) and next(6) give. Where is the generator at each of these calls?",
      "`next` hands its argument to the `yield` where the generator is stopped. A new generator " +
      "is stopped before its first line.",
      "In `for (const each of [broken, left, abandoned])`, each account is brought to its first " +
      "`yield`: `full` has to be among them.",
    ],
    explanation: "The argument of next becomes the value of the yield at which the generator is " +
      "stopped. A new one is stopped at no yield: its first next only starts it, and the " +
      "argument is dropped without an error. So the first call carries nothing, and brings the " +
      "generator to the place where it can take something. Python raises a TypeError there.",
  },
];
