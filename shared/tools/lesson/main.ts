/**
 * `deno task lesson` lists the lessons; `deno task lesson:NN` runs one, with options for its
 * client. With `--svg FILE`, it also draws the timeline in that file. With `--watch`, it runs the
 * lesson again whenever one of its scripts has changed.
 *
 * @module
 */

import { styleText } from "node:util";
import { refuse } from "../../options.ts";
import { requireWritable, userPath } from "../process/files.ts";
import { printSentence } from "../process/terminal.ts";
import { catalogue, findLesson, type Lesson, type ServerLesson } from "./catalogue.ts";
import { lessonsRun, rememberRun } from "./history.ts";
import { compareLessons, runLesson } from "./run.ts";
import { watchLesson } from "./watch.ts";

const HELP = `deno task lesson                         the list of lessons
deno task lesson:03 [--clients 5 ...]    runs a lesson, with options for its client
deno task lesson:03 --help               shows these options
deno task lesson:03 --svg FILE           also draws the timeline, in this file
deno task lesson:03 --watch              runs it again whenever one of its scripts changes
deno task lesson:03 --cast silent:2,slow:1,greedy:1,rude:1,normal:6
                                         lets a mixed cast of clients visit it instead
deno task lesson 06/edge-triggered       runs a variant
deno task lesson --compare 03,04 [...]   runs two with the same clients, side by side`;

// `deno task lesson:03 -- --clients 5` passes the two dashes on.
const words = Deno.args.filter((arg) => arg !== "--").map((arg) => arg === "-h" ? "--help" : arg);
const [number, ...args] = words;
const lesson = findLesson(number ?? "");
// A lesson that measures draws charts with --svg, not a timeline.
const svg = lesson?.main?.measures ? undefined : takePath(args, "--svg");

if (lesson !== undefined) {
  if (!lesson.main?.measures) refuseOwn(args);
  const rest = args.filter((arg) => arg !== "--watch");
  const asksForHelp = rest.includes("--help");
  const watches = rest.length < args.length && !asksForHelp;
  const code = watches
    ? await watchLesson(lesson, rest, svg)
    : await runLesson(lesson, rest, { svg });
  if (code === 0 && asksForHelp) {
    console.log("and --watch, to run it again whenever one of its scripts changes");
    if (lesson.server !== undefined) {
      console.log(
        "and --cast silent:2,slow:1,greedy:1,rude:1,normal:6, for a mixed cast of clients",
      );
    }
  } else if (code === 0) rememberRun(lesson.number);
  Deno.exit(code);
} else if (number === undefined) {
  const run = lessonsRun();
  for (const { number, title, idea, server } of catalogue) {
    const mark = run.has(number) ? styleText("green", "✓") : " ";
    printSentence(`${styleText("bold", `${number} · ${title}`)}: ${idea}`, `${mark} `, 5);
    console.log(`       deno task lesson:${number}`);
    for (const { name } of server?.variants ?? []) {
      console.log(`       deno task lesson ${number}/${name}`);
    }
  }
  const next = catalogue.find(({ number }) => !run.has(number));
  if (next !== undefined) console.log(`Next: deno task lesson:${next.number} (${next.title})`);
} else if (number === "--help") console.log(HELP);
else if (isOption(number, "--compare")) await compare();
else if (number.startsWith("-")) refuse(`deno task lesson knows no option ${number}`);
else refuse(`there is no lesson ${number}; deno task lesson lists them`);

/** `deno task lesson --compare 03,04`, with options for the client. */
async function compare(): Promise<never> {
  const names = takeValue(words, "--compare")?.split(",") ?? [];
  if (names.length !== 2) refuse("--compare takes two lessons or variants, such as 03,04");
  const lessons = names.map(serverLesson);
  if (new Set(lessons.map(({ server }) => server.protocol)).size > 1) {
    refuse(`lessons ${names.join(" and ")} do not speak the same: no client can visit both`);
  }
  refuseOwn(words);
  if (words.includes("--help")) Deno.exit(await runLesson(lessons[0], words));
  Deno.exit(
    await compareLessons(lessons, names.map((name) => name.replace(/^\d(?!\d)/, "0$&")), words),
  );
}

function serverLesson(name: string): ServerLesson {
  const lesson: Lesson | undefined = findLesson(name);
  if (lesson === undefined) {
    return refuse(`there is no lesson ${name}; deno task lesson lists them`);
  }
  if (lesson.server === undefined) return refuse(`lesson ${name} has no server to compare`);
  return lesson as ServerLesson;
}

/** Takes an option out of the arguments, and returns its value. */
function takeValue(args: string[], name: string): string | undefined {
  const at = args.findIndex((arg) => isOption(arg, name));
  if (at === -1) return undefined;
  const [option] = args.splice(at, 1);
  return option === name ? args.splice(at, 1)[0] : option.slice(name.length + 1);
}

/** Takes an option that is not the client's out of the arguments, and returns the path in it. */
function takePath(args: string[], name: string): string | undefined {
  if (!args.some((arg) => isOption(arg, name))) return undefined;
  const value = takeValue(args, name);
  if (!value) refuse(`${name} takes the name of a file`);
  const path = userPath(value);
  try {
    requireWritable(path); // before the lesson takes its time
  } catch (error) {
    refuse((error as Error).message);
  }
  return path;
}

/** Refuses an option of the scripts which is the runner's to choose. */
function refuseOwn(args: string[]) {
  if (!args.some((arg) => isOption(arg, "--port"))) return;
  refuse("the runner chooses --port itself; a script that is run by hand takes it");
}

/** Whether an argument is an option, with its value or before it. */
function isOption(arg: string, name: string): boolean {
  return arg === name || arg.startsWith(`${name}=`);
}
