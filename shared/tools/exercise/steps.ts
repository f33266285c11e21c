/**
 * The steps of an exercise: its story and its question, the check, the hints, and the solution.
 *
 * @module
 */

import { styleText } from "node:util";
import { refuse } from "../../options.ts";
import { catalogue } from "../lesson/catalogue.ts";
import { showProgress } from "../lesson/progress.ts";
import { printSentence } from "../process/terminal.ts";
import { copyOf, makeCopy, nameOf, solved, textOf, unsolved } from "./copy.ts";
import { unifiedDiff } from "./diff.ts";
import type { Exercise } from "./exercise.ts";
import { exercises } from "./exercises.ts";
import { currentId, progressOf, remember } from "./progress.ts";
import { impossible, type Verdict, verify } from "./verify.ts";

const LETTERS = ["a", "b", "c"] as const;

/** Prints all exercises, with marks at those that are solved. */
export function list(): number {
  for (const { number, title } of catalogue) {
    const own = exercises.filter(({ id }) => id.startsWith(`${number}.`));
    if (own.length > 0) console.log(styleText("bold", `${number} · ${title}`));
    for (const { id, title, fromScratch } of own) {
      const mark = progressOf(id).solved ? styleText("green", "✓") : " ";
      console.log(`${mark} ${id}  ${title}${fromScratch ? " (from scratch)" : ""}`);
    }
  }
  const solved = exercises.filter(({ id }) => progressOf(id).solved).length;
  console.log(`${solved} of ${exercises.length} solved`);
  const next = exercises.find(({ id }) => !progressOf(id).solved);
  if (next !== undefined) console.log(`Next: deno task exercise ${next.id}`);
  return 0;
}

/** Begins an exercise, or continues it: writes its working copy, and prints its story. */
export function beginExercise(exercise: Exercise, reset = false): void {
  const reason = impossible(exercise);
  if (reason !== undefined) refuse(`${exercise.id} cannot be checked here: ${reason}`);
  makeCopy(exercise, reset);
  remember(exercise.id, "begun");
  showStory(exercise);
}

/** The first one that is not solved, behind the one that was begun last. */
export function nextExercise(): Exercise {
  const at = exercises.findIndex(({ id }) => id === currentId());
  const inOrder = [...exercises.slice(at + 1), ...exercises.slice(0, at + 1)];
  return inOrder.find(({ id }) => !progressOf(id).solved) ?? refuse("all exercises are solved");
}

/** Prints what users see, where the working copy is, and what is to be predicted. */
function showStory(exercise: Exercise): void {
  const { id, title, story, question: { asks, answers } } = exercise;
  console.log(styleText("bold", `${id} · ${title}`));
  printSentence(story, "  ", 0);
  console.log(`\n  ${nameOf(exercise)}`);
  if (progressOf(id).predicted !== undefined) return;
  console.log();
  printSentence(styleText("bold", asks), "  ", 0);
  answers.forEach((answer, i) => printSentence(`${LETTERS[i]}  ${answer}`, "    ", 3));
}

/** Notes an answer, which the first check then decides, and prints what to do `then`. */
export function predict({ id }: Exercise, answer: string, then = ""): number {
  const letter = LETTERS.find((letter) => letter === answer.toLowerCase());
  if (letter === undefined) refuse(`the answer is a, b or c, not "${answer}"`);
  remember(id, `predicted ${letter}`);
  console.log(`${id}: ${letter}.${then}`);
  return 0;
}

/** Checks the working copy once, prints what came of it, and returns the exit code. */
export async function checkCopy(exercise: Exercise): Promise<number> {
  const before = textOf(exercise);
  let begun = "";
  const progress = showProgress(() => `… ${begun}`);
  const verdict = await verify(exercise, copyOf(exercise), (name) => begun = name)
    .finally(progress.end);
  const isFirst = before === unsolved(exercise);
  report(exercise, verdict);
  if (isFirst) decide(exercise);
  if (verdict.failed !== undefined) return 1;
  if (!progressOf(exercise.id).solved) remember(exercise.id, "solved");
  return 0;
}

function report({ id, explanation }: Exercise, verdict: Verdict): void {
  const { passed, failed, saw = "", usually, errors } = verdict;
  if (failed === undefined) {
    console.log(styleText("green", `✓ ${id} is solved: it passes all ${passed.length} checks.`));
    printSentence(explanation, "  ", 0);
    return;
  }
  console.log(`${styleText("red", "✗")} ${failed}`);
  printSentence(saw, "  ");
  for (const line of errors) console.log(`  stderr: ${line}`);
  if (usually !== undefined) printSentence(`Usually: ${usually}.`, "  ");
}

/** Compares what was predicted with what has happened. */
function decide({ id, question: { answers, correct } }: Exercise): void {
  const { predicted } = progressOf(id);
  if (predicted === undefined) return;
  const letter = LETTERS[correct];
  const verdict = predicted === letter ? "as you predicted" : `you predicted ${predicted}`;
  printSentence(`The answer is ${letter}, ${verdict}: ${answers[correct]}`, "  ");
}

/** Shows the hints so far, and the next one; all are there once it is solved. */
export function hint({ id, hints }: Exercise): number {
  const { hints: shown, solved } = progressOf(id);
  if (shown < hints.length) remember(id, "hint");
  const count = solved ? hints.length : Math.min(shown + 1, hints.length);
  hints.slice(0, count).forEach((text, i) =>
    printSentence(`Hint ${i + 1} of ${hints.length}: ${text}`)
  );
  return 0;
}

/** Shows the solution, if it is solved or was asked for before. */
export function showSolution(exercise: Exercise): number {
  const { id, explanation } = exercise;
  const { asked, solved: isSolved } = progressOf(id);
  remember(id, "asked");
  if (asked === 0 && !isSolved) {
    console.log(`Ask again to see the solution of ${id}. A hint may be enough.`);
    return 1;
  }
  for (const line of unifiedDiff(unsolved(exercise), solved(exercise), nameOf(exercise))) {
    const colour = { "+": "green", "-": "red", "@": "cyan" }[line[0]] as "green" | undefined;
    console.log(colour === undefined ? line : styleText(colour, line));
  }
  console.log();
  printSentence(explanation);
  return 0;
}
