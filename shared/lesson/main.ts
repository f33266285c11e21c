/**
 * `deno task lesson` lists the lessons; `deno task lesson:NN` runs one, with options for its
 * client. With `--svg FILE`, its timeline is drawn in that file as well; with `--watch`, it is run
 * again whenever its scripts have changed.
 *
 * @module
 */

import { resolve } from "node:path";
import { styleText } from "node:util";
import { catalogue } from "./catalogue.ts";
import { lessonsRun, rememberRun } from "./history.ts";
import { runLesson } from "./run.ts";
import { watchLesson } from "./watch.ts";

// `deno task lesson:03 -- --clients 5` hands on the two dashes as well.
const [number, ...args] = Deno.args.filter((arg) => arg !== "--");
const lesson = catalogue.find((lesson) => lesson.number === number);
// What measures draws charts, and no timeline.
const svg = lesson?.main?.measures ? undefined : takePath(args, "--svg");

if (lesson !== undefined) {
  const rest = args.filter((arg) => arg !== "--watch");
  const asksForHelp = rest.includes("--help") || rest.includes("-h");
  const watches = rest.length < args.length && !asksForHelp;
  const code = watches
    ? await watchLesson(lesson, rest, svg)
    : await runLesson(lesson, rest, { svg });
  if (code === 0 && asksForHelp) {
    console.log("and --watch, to run it again whenever its scripts change");
  } else if (code === 0) rememberRun(lesson.number);
  Deno.exit(code);
} else if (number === undefined) {
  const run = lessonsRun();
  for (const { number, title, idea } of catalogue) {
    const mark = run.has(number) ? styleText("green", "✓") : " ";
    console.log(`${mark} ${styleText("bold", `${number} · ${title}`)}: ${idea}`);
    console.log(`       deno task lesson:${number}`);
  }
  const next = catalogue.find(({ number }) => !run.has(number));
  if (next !== undefined) console.log(`Next: deno task lesson:${next.number} (${next.title})`);
} else {
  console.error(`there is no lesson ${number}; deno task lesson lists them`);
  Deno.exit(2);
}

/** Takes an option that is not the client's out of the arguments, and returns the path in it. */
function takePath(args: string[], name: string): string | undefined {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  if (at === -1) return undefined;
  const [option] = args.splice(at, 1);
  const value = option === name ? args.splice(at, 1)[0] : option.slice(name.length + 1);
  // A task runs in the project's folder, and tells where it was called.
  if (value) return resolve(Deno.env.get("INIT_CWD") ?? ".", value);
  console.error(`${name} takes the name of a file`);
  Deno.exit(2);
}
