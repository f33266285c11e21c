/**
 * An exercise at a terminal: the working copy is checked whenever it has been saved, and a key does
 * what a command does elsewhere.
 *
 * @module
 */

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { killAll } from "../process/child.ts";
import { onEndSignal } from "../process/signals.ts";
import { Watcher } from "../process/watcher.ts";
import { copyOf, makeCopy, nameOf, textOf } from "./copy.ts";
import type { Exercise } from "./exercise.ts";
import { progressOf } from "./progress.ts";
import {
  beginExercise,
  checkCopy,
  hint,
  list,
  nextExercise,
  predict,
  showSolution,
} from "./steps.ts";

const KEYS = "n next · h hint · s solution · r reset · l list · q quit";

/** An editor may write a file in several steps: wait for so many milliseconds without any. */
const QUIET = 200;

/** Goes on until somebody quits, and returns the exit code. */
export async function session(first: Exercise): Promise<number> {
  using keys = new Keys();
  using _signals = onEndSignal((_signal, code) => {
    killAll();
    keys[Symbol.dispose]();
    Deno.exit(code);
  });
  for (let exercise = first;; exercise = nextExercise(), beginExercise(exercise)) {
    if (progressOf(exercise.id).predicted === undefined) {
      console.log(styleText("dim", "\na, b or c? (q quits; any other key skips the question)"));
      const key = await keys.next();
      if (key === "q") return 0;
      if ("abc".includes(key)) predict(exercise, key);
    }
    if (await untilNext(exercise, keys) === "quit") return 0;
  }
}

async function untilNext(exercise: Exercise, keys: Keys): Promise<"next" | "quit"> {
  using watcher = new Watcher(dirname(fileURLToPath(copyOf(exercise))));
  while (true) {
    const before = textOf(exercise);
    console.log();
    await checkCopy(exercise);
    console.log(styleText("dim", `\n${KEYS}\nSave ${nameOf(exercise)} to check it again.`));
    while (textOf(exercise) === before) {
      // First the event, then the file: otherwise a change in between would be missed.
      const event = watcher.next().then(() => "change");
      if (textOf(exercise) !== before) break;
      const key = await Promise.race([keys.next(), event]);
      if (key === "q") return "quit";
      if (key === "n") return "next";
      if (key === "h") hint(exercise);
      else if (key === "s") showSolution(exercise);
      else if (key === "l") list();
      else if (key === "r") makeCopy(exercise, true);
    }
    await new Promise((resolve) => setTimeout(resolve, QUIET));
  }
}

/** The keys that are pressed, without Enter. */
class Keys implements Disposable {
  readonly #reader = Deno.stdin.readable.getReader();
  #pending?: Promise<string>;

  constructor() {
    Deno.stdin.setRaw(true, { cbreak: true }); // Ctrl-C stays a signal
  }

  /** The next key; `q` at the end of the input. A key that nobody took stays for the next call. */
  next(): Promise<string> {
    this.#pending ??= this.#read();
    return this.#pending.then((key) => {
      this.#pending = undefined;
      return key;
    });
  }

  async #read(): Promise<string> {
    const { value } = await this.#reader.read();
    return value === undefined ? "q" : new TextDecoder().decode(value).slice(0, 1).toLowerCase();
  }

  [Symbol.dispose](): void {
    Deno.stdin.setRaw(false);
  }
}
