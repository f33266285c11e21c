/**
 * `deno task note NN` prints a lesson as one page of Markdown; `--single server` prints one of its
 * scripts as a single file that runs alone. `--out DIR` writes either into that folder.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { findLesson, type Lesson, LESSONS } from "../lesson/catalogue.ts";
import { refuse } from "../../options.ts";
import { NotWritable, reasonOf, userPath, writeUserFile } from "../process/files.ts";
import { NotOneFile } from "./keep.ts";
import { noteName, pageOf, scriptsOf, timelineOf } from "./page.ts";
import { singleFile } from "./single.ts";

const HELP = `deno task note NN [options]   a lesson as one page of Markdown

Options:
  --single NAME  a script or module of it, such as server, with everything that it imports, as
                 one file
  --out DIR      write into this folder, with the timeline beside the page
  --help         show this`;

const { positionals, values } = parsed();
if (values.help) {
  console.log(HELP);
  Deno.exit();
}
const [number] = positionals;
const lesson = findLesson(number ?? "");
if (positionals.length !== 1) refuse("deno task note takes the number of a lesson, such as 03");
if (values.out === "") refuse("--out takes the name of a folder");
if (lesson === undefined) refuse(`there is no lesson ${number}; deno task lesson lists them`);

if (values.single !== undefined) {
  const name = `${values.single}.ts`;
  const names = scriptsOf(lesson.folder);
  if (!names.includes(name)) {
    const all = names.map((name) => name.replace(/\.ts$/, "")).join(", ");
    refuse(`lesson ${lesson.number} has no ${name}: --single takes ${all}`);
  }
  deliver(noteName(lesson, name), single(lesson, name));
} else {
  const timeline = values.out === undefined ? undefined : timelineOf(lesson);
  const picture = noteName(lesson, "timeline.svg");
  deliver(`${lesson.folder}.md`, pageOf(lesson, timeline && picture));
  if (timeline !== undefined) deliver(picture, timeline);
}

function parsed() {
  try {
    return parseArgs({
      // `deno task note -- 03` passes the two dashes on.
      args: Deno.args.filter((arg) => arg !== "--"),
      allowPositionals: true,
      options: {
        single: { type: "string" },
        out: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    return refuse(error as Error);
  }
}

function deliver(name: string, text: string): void {
  if (values.out === undefined) return console.log(text.trimEnd());
  const folder = userPath(values.out);
  try {
    Deno.mkdirSync(folder, { recursive: true });
    writeUserFile(join(folder, name), text);
  } catch (error) {
    const path = join(folder, name);
    const reason = `${path} cannot be written: ${reasonOf(error)}`;
    console.error(error instanceof NotWritable ? error.message : reason);
    Deno.exit(1);
  }
  console.log(join(values.out, name));
}

function single({ folder }: Lesson, name: string): string {
  const path = `lessons/${folder}/`;
  try {
    return singleFile(
      new URL(`${folder}/${name}`, LESSONS),
      // The commands in it are those for the one file, beside which the client's may lie.
      (comment) => comment.replaceAll(path, `${folder}-`),
    );
  } catch (error) {
    if (!(error instanceof NotOneFile)) throw error;
    console.error(`${path}${name} does not fit into one file: ${error.message}`);
    Deno.exit(1);
  }
}
