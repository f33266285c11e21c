/**
 * `deno task timelines [NN …]` runs the lessons again, and draws the timelines for their READMEs.
 *
 * @module
 */

import { LESSONS, serverLessons } from "./catalogue.ts";
import { runLesson } from "./run.ts";

for (const lesson of serverLessons) {
  if (Deno.args.length > 0 && !Deno.args.includes(lesson.number)) continue;
  const svg = new URL(`${lesson.folder}/timeline.svg`, LESSONS).pathname;
  const code = await runLesson(lesson, [], { svg });
  if (code !== 0) Deno.exit(code);
}
