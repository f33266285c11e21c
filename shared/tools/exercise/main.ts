/**
 * `deno task exercise` lists the exercises. `deno task exercise 03.2` begins one: it writes a
 * working copy with a fault, and says what its users see. At a terminal, it then checks the copy
 * whenever it has been saved. Everything can be done with a command of its own as well.
 *
 * @module
 */

import { refuse } from "../../options.ts";
import { NotWritable } from "../process/files.ts";
import { printSentence } from "../process/terminal.ts";
import { makeCopy, nameOf, textOf } from "./copy.ts";
import type { Exercise } from "./exercise.ts";
import { findExercise } from "./exercises.ts";
import { currentId } from "./progress.ts";
import { session } from "./session.ts";
import {
  beginExercise,
  checkCopy,
  hint,
  list,
  nextExercise,
  predict,
  showSolution,
} from "./steps.ts";

const HELP = `deno task exercise                 the list of exercises
deno task exercise 03.2 | next     begins one; at a terminal, checks it whenever it is saved
deno task exercise predict A       answers its question, before the first check
deno task exercise check           checks it once
deno task exercise hint            shows the next of three hints
deno task exercise solution        shows the solution, when it is solved, or when asked twice
deno task exercise reset           begins it anew
The last four take the number of an exercise as well; without it, they mean the last one begun.`;

const words = Deno.args.filter((arg) => arg !== "--").map((arg) => arg === "-h" ? "--help" : arg);
const wantsReset = words.includes("--reset");
const [command = "list", ...rest] = words.filter((word) => word !== "--reset");

try {
  Deno.exit(await run());
} catch (error) {
  if (!(error instanceof NotWritable)) throw error;
  console.error(error.message);
  Deno.exit(1);
}

async function run(): Promise<number> {
  if (command === "--help") return print(HELP);
  if (command.startsWith("-")) refuse(`deno task exercise knows no option ${command}`);
  if (command === "list") return list();
  if (command === "predict") {
    const [answer = "", id] = rest;
    return predict(begun(id), answer, " Now: deno task exercise check");
  }
  if (rest.length > 1) refuse(`deno task exercise ${command} takes one exercise`);
  if (command === "check") return await checkCopy(begun(rest[0]));
  if (command === "hint") return hint(begun(rest[0]));
  if (command === "solution") return showSolution(begun(rest[0]));
  if (command === "reset") return reset(begun(rest[0]));
  if (rest.length > 0) refuse(`deno task exercise takes one exercise, not ${words.join(" ")}`);
  return await begin(command === "next" ? nextExercise() : named(command));
}

function print(text: string): number {
  console.log(text);
  return 0;
}

async function begin(exercise: Exercise): Promise<number> {
  beginExercise(exercise, wantsReset);
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) return await session(exercise);
  console.log("Then: deno task exercise check");
  return 0;
}

function reset(exercise: Exercise): number {
  makeCopy(exercise, true);
  return print(`${nameOf(exercise)} is as it was at first`);
}

function named(text: string): Exercise {
  return findExercise(text) ??
    refuse(`there is no exercise ${text}; deno task exercise lists them`);
}

/** The exercise of that number, or the last one, if there is a working copy of it. */
function begun(text = currentId()): Exercise {
  if (text === undefined) refuse("no exercise has been begun; deno task exercise lists them");
  const exercise = named(text);
  if (textOf(exercise) !== undefined) return exercise;
  printSentence(`${nameOf(exercise)} is not a copy of exercise ${exercise.id}.`);
  return refuse(`begin it with deno task exercise ${exercise.id}`);
}
