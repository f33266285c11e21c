/**
 * Runs a lesson: its program, if it has one, then its server and its client, each with what it
 * cost.
 *
 * The costs are those of a run that nothing watched. What the script asked of the kernel, and when,
 * comes from a second run under the recorder, which would spoil the costs of the first.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import { type Outcome, parseSummary } from "../../client.ts";
import { Child, type ChildOptions, denoRun } from "../process/child.ts";
import { Meter } from "../process/proc.ts";
import { recorderUrl } from "../trace/settings.ts";
import {
  catalogue,
  type Lesson,
  LESSONS,
  type Program,
  type Script,
  type ServerLesson,
} from "./catalogue.ts";
import {
  callRows,
  callsBetween,
  costLine,
  type Costs,
  programLine,
  programReport,
  readCounts,
  recorderRow,
  serverReport,
} from "./costs.ts";
import { print, showProgress } from "./progress.ts";
import { readTimeline } from "./timeline.ts";
import { timelineSvg } from "./timeline_svg.ts";
import { timelineText } from "./timeline_text.ts";

/** How a lesson is run. */
export interface RunOptions {
  /** A file in which the timeline is drawn as well. */
  svg?: string;
  /** Gets each report of costs, as the lines that are printed. */
  onCosts?(rows: string[]): void;
}

/** A run of a lesson, whose processes and files are gone when it has ended. */
interface Run extends RunOptions {
  /** Processes that may still run. */
  children: Child[];
  /** The folder of the files in which scripts are recorded. */
  directory: string;
  /** Settles with an exit code when somebody wants this to end. */
  interrupted: Promise<number>;
}

/**
 * Runs a lesson and prints what its scripts print, what they cost, when they did what, and what to
 * notice. However it ends, none of them is left running.
 *
 * @param args Options for the client; for the program, if that is all there is.
 * @returns The exit code: 0 if every reply was correct, 2 if an option was wrong, else 1.
 */
export async function runLesson(
  lesson: Lesson,
  args: string[],
  options: RunOptions = {},
): Promise<number> {
  const { promise: interrupted, resolve } = Promise.withResolvers<number>();
  const directory = Deno.makeTempDirSync({ prefix: "lesson-" });
  const run: Run = { ...options, children: [], directory, interrupted };
  const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
  const listeners = Object.entries(signals).map(([signal, code]) =>
    [signal as Deno.Signal, () => resolve(code)] as const
  );
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    return await Promise.race([interrupted, runAll(lesson, args, run)]);
  } finally {
    await Promise.all(run.children.map((child) => child.stop()));
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    Deno.removeSync(directory, { recursive: true });
  }
}

async function runAll(lesson: Lesson, args: string[], run: Run): Promise<number> {
  const { main, server, client } = lesson;
  const withServer = server !== undefined && client !== undefined;
  // The help needs neither a server nor what comes before it.
  if (withServer && args.includes("--help")) {
    return (await start(run, lesson, "client", client, args).ended).code;
  }
  if (main !== undefined) {
    const programArgs = withServer ? [] : args;
    const code = await runProgram({ ...lesson, main }, programArgs, run);
    if (code !== 0 || args.includes("--help")) return code;
    if (withServer) console.log();
  }
  if (withServer) {
    const code = await runServer({ ...lesson, server, client }, args, run);
    if (code !== 0) return code;
  }
  console.log(`\n${styleText("bold", lesson.notice)}`);
  const next = catalogue.find(({ number }) => number > lesson.number);
  if (next !== undefined) console.log(`Next: deno task lesson:${next.number} (${next.title})`);
  return 0;
}

async function runProgram(
  lesson: Lesson & { main: Program },
  args: string[],
  run: Run,
): Promise<number> {
  const { main } = lesson;
  if (main.measures) { // it has the terminal alone, and says itself what was wrong
    return (await start(run, lesson, "main", main, args, { direct: true }).ended).code;
  }
  const began = performance.now();
  const program = start(run, lesson, "main", main, args, { onLine: printed("main") });
  using meter = new Meter(program.pid, 10);
  const progress = showProgress((time) => `… ${seconds(time)}`);
  const { code } = await program.ended.finally(progress.end);
  if (code === 2 || args.includes("--help")) return code;
  if (code !== 0) return await fail(run, "program", program);

  const rows = programReport(performance.now() - began, meter.last);
  printRows("What it cost", rows);
  if (main.coroutines) {
    const trace = `${run.directory}/program.json`;
    const recorded = start(run, lesson, "main", main, args, { trace });
    const recording = showProgress(() => "… recording the same again");
    await recorded.ended.finally(recording.end);
    // A picture is of the server, where there is one.
    const svg = lesson.server === undefined ? run.svg : undefined;
    drawTimeline(lesson, programLine(meter.last), [trace], svg);
  }
  run.onCosts?.(rows);
  return 0;
}

/** What came of one visit of the client to the server. */
interface Visit extends Costs {
  /** The client, which has ended. */
  client: Child;
  /** Its exit code. */
  code: number;
}

async function runServer(lesson: ServerLesson, args: string[], run: Run): Promise<number> {
  if (args.includes("--interactive")) { // a conversation cannot be repeated
    const visit = await visitServer(lesson, args, run, { recorded: true, direct: true });
    if (typeof visit === "number") return visit;
    printRows("What it cost the server, recorder included", serverReport(visit));
    report(lesson, visit, run, callRows(visit.calls));
    return visit.code === 0 ? 0 : await fail(run, "client", visit.client);
  }
  const visit = await visitServer(lesson, args, run, { onLine: printed });
  if (typeof visit === "number") return visit;
  const rows = serverReport(visit);
  printRows("What it cost the server", rows);

  const progress = showProgress(() => "… recording the same again");
  const recorded = await visitServer(lesson, args, run, { recorded: true }).finally(progress.end);
  if (typeof recorded === "number") return recorded;
  const calls = [...callRows(recorded.calls), recorderRow(recorded)];
  report(lesson, { ...visit, calls: recorded.calls }, run, calls);
  run.onCosts?.([...rows, ...calls]);
  return visit.code === 0 ? 0 : await fail(run, "client", visit.client);
}

/** How the scripts of a visit are started. */
interface VisitOptions extends Pick<StartOptions, "direct"> {
  /** Whether both are recorded. */
  recorded?: boolean;
  /** What happens to the lines that a script prints; nothing, unless given. */
  onLine?(name: string): ChildOptions["onLine"];
}

/** Starts the server, lets the client visit it, and ends it. Returns an exit code if that fails. */
async function visitServer(
  lesson: ServerLesson,
  args: string[],
  run: Run,
  { recorded = false, direct, onLine }: VisitOptions,
): Promise<Visit | number> {
  const counts = recorded ? `${run.directory}/counts` : undefined;
  const server = start(run, lesson, "server", lesson.server, ["--port", "0"], {
    trace: recorded ? traceOf(run, "server") : undefined,
    counts,
    onLine: direct ? printed("server") : onLine?.("server"),
  });
  const port = await server.listening();
  if (port === undefined) return await fail(run, "server", server, "before it listened");

  using meter = new Meter(server.pid);
  const before = meter.read();
  const callsBefore = readCounts(counts);
  const began = performance.now();
  let outcome: Outcome | undefined;
  const print = onLine?.("client");
  const client = start(run, lesson, "client", lesson.client, ["--port", String(port), ...args], {
    direct,
    trace: recorded ? traceOf(run, "client") : undefined,
    onLine(line, stream) {
      outcome = parseSummary(line) ?? outcome;
      print?.(line, stream);
    },
  });
  const progress = direct || recorded ? undefined : showProgress((time) => `… ${seconds(time)}`);
  const first = await Promise.race([server.ended.then(() => server), client.ended])
    .finally(progress?.end);
  if (first === server) return await fail(run, "server", server, "while the client was running");
  const wall = performance.now() - began;

  const { code } = await client.ended;
  if (code === 2) return 2; // the client has said which option was wrong
  if (outcome === undefined && !direct) return await fail(run, "client", client);
  // The server still runs, so all that it used can be seen.
  const after = meter.read();
  const calls = callsBetween(callsBefore, readCounts(counts));
  await server.stop();
  return { outcome, wall, before, after, calls, client, code };
}

/** Prints what was recorded: the calls, and when they were made. */
function report(lesson: Lesson, costs: Costs, run: Run, calls: string[]): void {
  if (calls.length > 0) {
    printRows("What it asked of the kernel, in a second run, under the recorder", calls);
  }
  const traces = [traceOf(run, "server"), traceOf(run, "client")];
  drawTimeline(lesson, costLine(costs), traces, run.svg);
}

function printRows(heading: string, rows: string[]): void {
  console.log(`\n${styleText("bold", heading)}`);
  for (const row of rows) console.log(`  ${row}`);
}

function seconds(milliseconds: number): string {
  return `${Math.floor(milliseconds / 1000)} s`;
}

function drawTimeline({ number, title }: Lesson, costs: string, paths: string[], svg?: string) {
  const timeline = readTimeline(`${number} · ${title}`, costs, paths);
  if (timeline === undefined) return;
  const width = (Deno.stdout.isTerminal() && Deno.consoleSize().columns) || 80;
  console.log(`\n${styleText("bold", "When it did what")}`);
  for (const line of timelineText(timeline, width - 2)) console.log(`  ${line}`);
  if (svg !== undefined) Deno.writeTextFileSync(svg, timelineSvg(timeline));
}

function traceOf(run: Run, name: Name): string {
  return `${run.directory}/${name}.json`;
}

type Name = "main" | "server" | "client";

interface StartOptions extends Pick<ChildOptions, "direct" | "onLine"> {
  /** The file in which it is recorded. */
  trace?: string;
  /** The file in which its calls are counted. */
  counts?: string;
}

function start(
  run: Run,
  { folder }: Lesson,
  name: Name,
  { permissions, path = `${folder}/${name}.ts`, args: own = [] }: Script,
  args: string[],
  { trace, counts, direct, onLine }: StartOptions = { onLine: printed(name) },
): Child {
  // A script that may not call libc writes its trace through Deno.
  const writing = trace === undefined ? [] : [`--allow-write=${trace}`];
  const recorder = trace === undefined
    ? undefined
    : recorderUrl(permissions, { trace, counts, name });
  const script = new URL(path, LESSONS);
  const command = denoRun(script, [...permissions, ...writing], [...args, ...own], recorder);
  const child = new Child(command, { direct, stdin: direct ? "inherit" : undefined, onLine });
  run.children.push(child);
  return child;
}

/** Prints each line of a script with its name before it. */
function printed(name: string): (line: string) => void {
  const prefix = styleText(name === "server" ? "cyan" : "yellow", `${name} │`);
  return (line) => print(`${prefix} ${line}`);
}

/** Reports in one line which script failed, and how, and returns the exit code for it. */
async function fail(run: Run, name: string, child: Child, when = ""): Promise<number> {
  const { code, signal } = await child.stop();
  // Ctrl-C at a terminal reaches the scripts as well, sometimes before it reaches the runner.
  if (signal === "SIGINT") {
    const interrupted = await Promise.race([run.interrupted, sleep(500)]);
    if (interrupted !== undefined) return interrupted;
  }
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  console.error(styleText("red", `the ${name} ${how} ${when}`.trimEnd()));
  return 1;
}
