/**
 * What an exercise is: one of the lessons' scripts with one fault, and the way in which it is
 * found.
 *
 * @module
 */

/** What a script has in one place, and what it gets there instead. */
export type Change = readonly [from: string, to: string];

/** The same for many lines, of which the first ones and the last ones are enough to find them. */
export type Gap = readonly [from: readonly [first: string, last: string], to: string];

/** A question before the first run, with three answers. */
export interface Question {
  /** What is to be predicted. */
  asks: string;
  /** The answers. */
  answers: readonly [string, string, string];
  /** Which of them is correct: 0, 1 or 2. */
  correct: 0 | 1 | 2;
}

/** An exercise. */
export interface Exercise {
  /** The lesson's number, and which of its exercises: `03.2`. */
  id: string;
  /** A few words that do not give the fault away. */
  title: string;
  /** What the users of the program see. */
  story: string;
  /** What the reader is asked before the first run. */
  question: Question;
  /**
   * The script or module that is correct, below `lessons/`; or a module of `shared/` that imports
   * nothing, such as `../shared/lines.ts`.
   */
  script: string;
  /** For a module that is judged by what a server does with it: that server, by its name. */
  server?: string;
  /** What makes it wrong. Each `from`, or its `first`, is in the script exactly once. */
  changes: readonly (Change | Gap)[];
  /** The scenario of `deno task check`, or the case of this lesson, that finds the fault. */
  foundBy: string;
  /** What it reports then. */
  says: RegExp;
  /** What a scenario takes for the usual cause of that. */
  explained?: RegExp;
  /** How long `foundBy` may take, in milliseconds, where the fault makes something hang. */
  limit?: number;
  /** The first points out where to look, the last names the line. */
  hints: readonly [string, string, string];
  /** Why it was wrong, and why the solution is correct. */
  explanation: string;
  /** The fault is that something is missing: the loop is to be written. */
  fromScratch?: true;
}
