/**
 * `deno task timelines [NN …]` runs the lessons again, and draws the timelines for their READMEs.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { LESSONS, serverLessons } from "./catalogue.ts";
import { runLesson } from "./run.ts";

for (const lesson of serverLessons) {
  if (Deno.args.length > 0 && !Deno.args.includes(lesson.number)) continue;
  const svg = fileURLToPath(new URL(`${lesson.folder}/timeline.svg`, LESSONS));
  const code = await runLesson(lesson, [], { svg });
  if (code !== 0) Deno.exit(code);
}
