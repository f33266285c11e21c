/**
 * `deno task lesson` lists the lessons; `deno task lesson:NN` runs one, with options for its
 * client.
 *
 * @module
 */

import { styleText } from "node:util";
import { catalogue } from "./catalogue.ts";
import { runLesson } from "./run.ts";

// `deno task lesson:03 -- --clients 5` hands on the two dashes as well.
const [number, ...args] = Deno.args.filter((arg) => arg !== "--");
const lesson = catalogue.find((lesson) => lesson.number === number);

if (lesson !== undefined) {
  Deno.exit(await runLesson(lesson, args));
} else if (number === undefined) {
  for (const { number, title, idea } of catalogue) {
    console.log(`${styleText("bold", `${number} · ${title}`)}: ${idea}`);
    console.log(`     deno task lesson:${number}`);
  }
} else {
  console.error(`there is no lesson ${number}; deno task lesson lists them`);
  Deno.exit(2);
}
