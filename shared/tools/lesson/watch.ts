/**
 * `deno task lesson:NN --watch`: runs a lesson again whenever its scripts have changed, and prints
 * what the change did to the costs.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { onEndSignal } from "../process/signals.ts";
import { Watcher } from "../process/watcher.ts";
import { type Lesson, LESSONS } from "./catalogue.ts";
import { rememberRun } from "./history.ts";
import { runLesson } from "./run.ts";
import { changes } from "./side_by_side.ts";

/** An editor may write a file in several steps: wait for so many milliseconds without any. */
const QUIET = 200;

/**
 * Runs a lesson after each change, until a signal ends this.
 *
 * @returns The exit code.
 */
export async function watchLesson(
  lesson: Lesson,
  args: string[],
  svg?: string,
): Promise<number> {
  const folder = fileURLToPath(new URL(`${lesson.folder}/`, LESSONS));
  // It also watches while the lesson runs, so that no change is missed.
  using watcher = new Watcher(folder);
  let before: string[] = [];
  while (true) {
    const sources = sourcesIn(folder);
    const costs: string[] = [];
    const code = await runLesson(lesson, args, {
      svg,
      onCosts: (rows) => costs.push(...rows),
    });
    if (code === 2 || code > 128) return code; // a wrong option, or a signal
    if (code === 0) rememberRun(lesson.number);
    if (before.length > 0 && costs.length > 0) {
      console.log(`\n${styleText("bold", "What the change did")}`);
      for (const row of changes(before, costs)) console.log(`  ${row}`);
    }
    // A failed run has no costs: the next run is compared with the last one that had some.
    if (costs.length > 0) before = costs;

    console.log(`\nWaiting for a change in lessons/${lesson.folder}; Ctrl-C ends it.`);
    const signal = await changeOrSignal(watcher, () => sourcesIn(folder) !== sources);
    if (signal !== undefined) return signal;
    console.log(styleText("dim", "─".repeat(40)));
  }
}

/** Waits for a change, or for a signal to end; then it returns the exit code for that signal. */
async function changeOrSignal(
  watcher: Watcher,
  hasChanged: () => boolean,
): Promise<number | undefined> {
  const ended = Promise.withResolvers<number>();
  using _listening = onEndSignal((_, code) => ended.resolve(code));
  while (true) {
    // First the event, then the files: otherwise a change in between would be missed.
    const event = watcher.next();
    // Not every event is a change: reading a file is an event, too.
    if (hasChanged()) return;
    const code = await Promise.race([ended.promise, event]);
    if (code !== undefined) return code;
    await new Promise((resolve) => setTimeout(resolve, QUIET));
  }
}

function sourcesIn(folder: string): string {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return names.filter((name) => name.endsWith(".ts")).sort().map((name) => {
    try {
      return Deno.readTextFileSync(folder + name);
    } catch {
      return ""; // an editor is about to replace it
    }
  }).join("\0");
}
