/**
 * `deno task lesson` lists the lessons; `deno task lesson:NN` runs one, with options for its
 * client, and with `--watch` again whenever its scripts have changed.
 *
 * @module
 */

import { styleText } from "node:util";
import { catalogue } from "./catalogue.ts";
import { lessonsRun, rememberRun } from "./history.ts";
import { runLesson } from "./run.ts";
import { watchLesson } from "./watch.ts";

// `deno task lesson:03 -- --clients 5` hands on the two dashes as well.
const [number, ...args] = Deno.args.filter((arg) => arg !== "--");
const lesson = catalogue.find((lesson) => lesson.number === number);

if (lesson !== undefined) {
  const rest = args.filter((arg) => arg !== "--watch");
  const asksForHelp = rest.includes("--help") || rest.includes("-h");
  const watches = rest.length < args.length && !asksForHelp;
  const code = watches ? await watchLesson(lesson, rest) : await runLesson(lesson, rest);
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
