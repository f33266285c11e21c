/**
 * The exercises of lesson 11.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "11.1",
    title: "The file that stays",
    story: "The disk is full, and a copy fails. The program reports it and goes on. But the " +
      "half-written file stays, and the next copy trips over it.",
    question: {
      asks: "An error is thrown into the outer one of two generators. Which of them notices it?",
      answers: [
        "the inner one first, and then the outer one",
        "the outer one first, and then the inner one",
        "the outer one, and no other",
      ],
      correct: 2,
    },
    script: "11-delegation/main.ts",
    changes: [["    yield* cleaning();\n", "    yield cleaning();\n"]],
    foundBy: "cleans up in the inner generator before the outer one catches the error",
    says: /it printed \["outer: {2}catches \\"no luck\\""\]/,
    hints: [
      "The outer generator catches the error. Has the inner one even begun?",
      "The caller gets whatever follows `yield`. What is it that `cleaning` returns when it is " +
      "called?",
      "`yield cleaning()` hands the generator itself to the caller, who does nothing with it. A " +
      "star is missing.",
    ],
    explanation: "A call of a generator function only makes a generator. Without the star it is " +
      "handed out like any value, and nobody runs it, so its try block was never entered and " +
      "there is nothing to clean up. With yield* it runs in place of the outer one: what the " +
      "caller throws arrives at the innermost yield, and passes all finally blocks on its way " +
      "out.",
  },
  {
    id: "11.2",
    title: "Half a bill",
    story: "Each order has two parts, and its bill is their sum. On the bills of the first " +
      "department, only the second part is left. The customers do not complain.",
    question: {
      asks:
        "A loop takes each value of an inner generator and yields it. Does that replace yield*?",
      answers: [
        "yes, but it takes more lines",
        "for the values that come out, but not for those that are sent in",
        "no: the values come out in another order",
      ],
      correct: 1,
    },
    script: "11-delegation/main.ts",
    changes: [[
      `  const a = yield* inner("a");\n`,
      `  let a;\n  for (const value of inner("a")) a = yield value;\n`,
    ]],
    foundBy: "adds up what the caller sends to the first inner generator",
    says: /outer: {2}a returned 2/,
    hints: [
      "The two departments are written in different ways. What does each of them return?",
      "The caller's number becomes the value of a `yield`. Of which one: that of `inner`, or one " +
      "of `outer`?",
      'In `for (const value of inner("a"))`, the loop sends nothing into `inner`, and drops what ' +
      'it returns. `yield* inner("a")` does both.',
    ],
    explanation:
      "A for...of loop calls next() without an argument, and ignores the value that comes with " +
      "`done: true`. So inner was sent undefined twice, and its result was lost. yield* passes " +
      "values, errors and the return on in both directions, and its own value is what the inner " +
      "generator returns.",
  },
];
