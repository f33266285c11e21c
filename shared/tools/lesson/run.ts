/**
 * Runs a lesson: its program, if it has one, then its server and its client, each with what it
 * cost.
 *
 * The costs are those of a run that nothing watched. What the script asked of the kernel, and when,
 * comes from a second run under the recorder, which would spoil the costs of the first.
 *
 * @module
 */

import { styleText } from "node:util";
import { writeUserFile } from "../process/files.ts";
import { Meter } from "../process/proc.ts";
import { columns, wrapped } from "../process/terminal.ts";
import { catalogue, type Lesson, type Program, type ServerLesson } from "./catalogue.ts";
import {
  callRows,
  costLine,
  type Costs,
  programLine,
  programReport,
  recorderRow,
  serverReport,
} from "./costs.ts";
import { type Facts, noticeOf } from "./notices.ts";
import { print, showProgress } from "./progress.ts";
import { sideBySide } from "./side_by_side.ts";
import { type NoTimeline, readTimeline, type Timeline } from "./timeline.ts";
import { timelineSvg } from "./timeline_svg.ts";
import { timelineText } from "./timeline_text.ts";
import {
  clientOf,
  type Failed,
  failure,
  type Name,
  type Run,
  start,
  type Visit,
  visitServer,
  withRun,
} from "./visit.ts";

/** How a lesson is run, and what gets the facts of the run, for a last sentence. */
interface Noting extends RunOptions {
  onFacts(facts: Facts): void;
}

/** How a lesson is run. */
export interface RunOptions {
  /** A file in which the timeline is drawn as well. */
  svg?: string;
  /** Gets each report of costs, as the lines that are printed. */
  onCosts?(rows: string[]): void;
}

/**
 * Runs a lesson and prints what its scripts print, what they cost, when they did what, and what to
 * notice. However it ends, none of them is left running.
 *
 * @param args Options for the client; for the program, if that is all there is.
 * @returns The exit code: 0 if every reply was correct, 2 if an option was wrong, else 1.
 */
export function runLesson(
  lesson: Lesson,
  args: string[],
  options: RunOptions = {},
): Promise<number> {
  return withRun((run) => runAll(run, lesson, args, options));
}

async function runAll(
  run: Run,
  lesson: Lesson,
  args: string[],
  options: RunOptions,
): Promise<number> {
  const { main, server, client } = lesson;
  const withServer = server !== undefined && client !== undefined;
  // The help needs neither a server nor what comes before it.
  if (withServer && args.includes("--help")) {
    const onLine = (line: string) => printLine("client", line);
    const script = clientOf({ ...lesson, server, client }, args);
    return (await start(run, lesson, "client", script, args, { onLine }).ended).code;
  }
  let notice: string | undefined;
  const noting = { ...options, onFacts: (facts: Facts) => notice = noticeOf(lesson.number, facts) };
  if (main !== undefined) {
    const programArgs = withServer ? [] : args;
    const code = await runProgram(run, { ...lesson, main }, programArgs, noting);
    if (code !== 0 || args.includes("--help")) return code;
    if (withServer) console.log();
  }
  if (withServer) {
    const code = await runServer(run, { ...lesson, server, client }, args, noting);
    if (code !== 0) return code;
  }
  if (notice !== undefined) {
    console.log();
    for (const line of wrapped(notice.split(" "), columns())) console.log(styleText("bold", line));
  }
  const next = catalogue.find(({ number }) => number > lesson.number);
  if (next !== undefined) console.log(`Next: deno task lesson:${next.number} (${next.title})`);
  return 0;
}

async function runProgram(
  run: Run,
  lesson: Lesson & { main: Program },
  args: string[],
  { svg, onCosts, onFacts }: Noting,
): Promise<number> {
  const { main } = lesson;
  if (main.measures) { // it has the terminal alone, and says itself what was wrong
    return (await start(run, lesson, "main", main, args, { direct: true }).ended).code;
  }
  const began = performance.now();
  const lines: string[] = [];
  function onLine(line: string) {
    lines.push(line);
    printLine("main", line);
  }
  const program = start(run, lesson, "main", main, args, { onLine });
  using meter = new Meter(program.pid, 10);
  const progress = showProgress((time) => `… ${seconds(time)}`);
  const { code } = await program.ended.finally(progress.end);
  if (code === 2 || args.includes("--help")) return code;
  if (code !== 0) return fail(await failure(run, "program", program));

  const wall = performance.now() - began;
  const rows = programReport(wall, meter.last);
  printRows("What it cost", rows);
  if (main.coroutines) {
    const trace = `${run.directory}/program.json`;
    const progress = showProgress(() => RECORDING);
    const recorded = start(run, lesson, "main", main, args, { trace });
    const { success } = await recorded.ended.finally(progress.end);
    if (!success) return fail(await failure(run, "program", recorded, "when recorded", true));
    const timeline = readTimeline(headingOf(lesson), programLine(meter.last), [trace]);
    // A picture is of the server, where there is one.
    printTimeline(timeline, lesson.server === undefined ? svg : undefined);
  }
  // Beside those of a server, they need a name of their own.
  onCosts?.(lesson.server === undefined ? rows : rows.map((row) => `program: ${row}`));
  onFacts({ wall, cpu: meter.last?.cpu ?? 0, threads: 0, memory: 0, calls: [], lines });
  return 0;
}

async function runServer(
  run: Run,
  lesson: ServerLesson,
  args: string[],
  { svg, onCosts, onFacts }: Noting,
): Promise<number> {
  if (args.includes("--interactive")) { // a conversation cannot be repeated
    const direct = { recorded: true, direct: true, onLine: printLine };
    const visit = await visitServer(run, lesson, args, direct);
    if ("reason" in visit) return fail(visit);
    printRows("What it cost the server, recorder included", serverReport(visit));
    printRows("What it asked of the kernel", callRows(visit.calls));
    printTimeline(timelineOf(lesson, visit, visit.traces), svg);
    onFacts(factsOf(visit));
    return visit.code;
  }
  const progress = showProgress((time) => `… ${seconds(time)}`);
  const visit = await visitServer(run, lesson, args, { onLine: printLine, onStall: printStall })
    .finally(progress.end);
  if ("reason" in visit) return fail(visit);
  const rows = serverReport(visit);
  printRows(`What it cost the server${run.code === undefined ? "" : " so far"}`, rows);
  if (run.code !== undefined) return run.code;

  const recording = showProgress(() => RECORDING);
  const recorded = await visitServer(run, lesson, args, { recorded: true })
    .finally(recording.end);
  if ("reason" in recorded) return fail(recorded);
  // Deno's own sockets make their calls where the recorder cannot see them.
  const { calls: seen } = recorded;
  const calls = seen.length === 0 ? [] : [...callRows(seen), recorderRow(recorded)];
  printRows("What it asked of the kernel, in a second run, under the recorder", calls);
  printTimeline(timelineOf(lesson, { ...visit, calls: recorded.calls }, recorded.traces), svg);
  onCosts?.([...rows, ...calls]);
  onFacts(factsOf({ ...visit, calls: recorded.calls }));
  return visit.code === 0 ? 0 : fail(clientFailed(visit.code));
}

function factsOf({ outcome, wall, before, after, calls, lines }: Visit): Facts {
  return {
    outcome,
    wall,
    cpu: after.cpu - before.cpu,
    threads: after.threads - before.threads,
    memory: after.memory - before.memory,
    calls,
    lines,
  };
}

const RECORDING = "… recording the same again";

/**
 * Runs two lessons or variants with the same clients, those of the first, and prints what they cost
 * and when they did what, side by side.
 *
 * @param names What they are called, such as `06` and `06/edge-triggered`.
 * @param args Options for the client.
 * @returns The exit code: 0 if every reply was correct, 2 if an option was wrong, else 1.
 */
export function compareLessons(
  lessons: readonly ServerLesson[],
  names: readonly string[],
  args: string[],
): Promise<number> {
  return withRun(async (run) => {
    const [{ folder, client }] = lessons;
    const same = { path: `${folder}/client.ts`, ...client };
    const results: { rows: string[]; timeline?: Timeline | NoTimeline }[] = [];
    for (const lesson of lessons) {
      const own = { ...lesson, client: same };
      const progress = showProgress(() => `… ${headingOf(lesson)}`);
      const visit = await visitServer(run, own, args).finally(progress.end);
      if ("reason" in visit) return fail(visit);
      const recording = showProgress(() => `… ${headingOf(lesson)}, recorded`);
      const recorded = await visitServer(run, own, args, { recorded: true })
        .finally(recording.end);
      if ("reason" in recorded) return fail(recorded);
      if (visit.code !== 0) return fail(clientFailed(visit.code));
      const timeline = timelineOf(lesson, { ...visit, calls: recorded.calls }, recorded.traces);
      results.push({ rows: [...serverReport(visit), ...callRows(recorded.calls)], timeline });
    }
    const [before, after] = results;
    printRows(lessons.map(headingOf).join("  →  "), sideBySide(before.rows, after.rows, names));
    const timelines = results.map(({ timeline }) => timeline);
    const lengths = timelines.map((one) => one === undefined || "reason" in one ? 0 : one.length);
    for (const one of timelines) {
      if (one !== undefined) printTimeline({ ...one, length: Math.max(...lengths) });
    }
    return 0;
  });
}

function clientFailed(code: number): Failed {
  return { reason: `the client ended with exit code ${code}`, code: 1 };
}

/** Prints why a run came to no end, and returns the exit code for it. */
function fail({ reason, code }: Failed): number {
  if (reason !== "") console.error(styleText("red", reason));
  return code;
}

function timelineOf(lesson: Lesson, costs: Costs, traces: string[]) {
  return readTimeline(headingOf(lesson), costLine(costs), traces);
}

function headingOf({ number, title }: Lesson): string {
  return `${number} · ${title}`;
}

function printLine(name: Name, line: string): void {
  print(`${styleText(name === "server" ? "cyan" : "yellow", `${name} │`)} ${line}`);
}

function printStall(sentence: string): void {
  print(styleText("yellow", `runner │ ${sentence}`));
}

function printRows(heading: string, rows: string[]): void {
  if (rows.length === 0) return;
  console.log(`\n${styleText("bold", heading)}`);
  for (const row of rows) console.log(`  ${row}`);
}

function printTimeline(timeline: Timeline | NoTimeline | undefined, svg?: string): void {
  if (timeline === undefined) return;
  console.log(`\n${styleText("bold", "When it did what")}`);
  if ("reason" in timeline) return console.log(`  no picture: ${timeline.reason}`);
  for (const line of timelineText(timeline, columns() - 2)) console.log(`  ${line}`);
  if (svg !== undefined) writeUserFile(svg, timelineSvg(timeline));
}

function seconds(milliseconds: number): string {
  return `${Math.floor(milliseconds / 1000)} s`;
}
