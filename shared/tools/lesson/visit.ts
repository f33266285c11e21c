/**
 * Runs the scripts of a lesson, without a word about it: what their lines become, and what they
 * cost, is for others to print.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type Outcome, parseSummary } from "../../client.ts";
import { Child, type ChildOptions, denoRun } from "../process/child.ts";
import { makeTemporaryFolder, NotWritable } from "../process/files.ts";
import { Meter, readFamily, settled } from "../process/proc.ts";
import { onEndSignal } from "../process/signals.ts";
import { RECORDER_FAILED, recorderPermissions, recorderUrl } from "../trace/settings.ts";
import { startBehind, upstreamOption } from "./behind.ts";
import { type Lesson, LESSONS, type Script, type ServerLesson } from "./catalogue.ts";
import { callsBetween, type Costs, readCounts } from "./costs.ts";
import { callUnderWay, StallWatch } from "./stall.ts";

/** The mixed casts of clients, by what they speak. */
const CASTS = { shout: "../shared/tools/lesson/cast.ts", chat: "23-chat/cast.ts" };

/** A run of a lesson, whose processes and files are gone when it has ended. */
export interface Run {
  /** Processes that may still run. */
  children: Child[];
  /** The folder of the files in which scripts are recorded. */
  directory: string;
  /** Settles when somebody wants this to end. */
  interrupted: Promise<unknown>;
  /** The exit code when somebody wanted this to end. */
  code?: number;
}

/**
 * Runs something that starts scripts. However it ends, none of them is left running.
 *
 * @returns The exit code: that of `run`, or of the signal that ended it; 1 if a file cannot be
 *   written, which is then printed in one line.
 */
export async function withRun(run: (run: Run) => Promise<number>): Promise<number> {
  const { promise: interrupted, resolve } = Promise.withResolvers<unknown>();
  const directory = makeTemporaryFolder("lesson-");
  const own: Run = { children: [], directory, interrupted };
  const listening = onEndSignal((_, code) => {
    own.code = code;
    resolve(undefined);
  });
  try {
    const ended = run(own);
    await Promise.race([ended, interrupted]);
    if (own.code === undefined) return await ended;
    // Its scripts are ended below; until then, it reports how far it has come.
    await Promise.race([ended, sleep(1000)]);
    return own.code;
  } catch (error) {
    if (!(error instanceof NotWritable)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    await Promise.all(own.children.map((child) => child.stop()));
    listening[Symbol.dispose]();
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Which script of a lesson. */
export type Name = "main" | "server" | "client";

/** How a script is started. */
export interface StartOptions extends Pick<ChildOptions, "direct" | "onLine"> {
  /** The file in which it is recorded. */
  trace?: string;
  /** Whether it is recorded for the player. */
  detailed?: true;
  /** The file in which its calls are counted. */
  counts?: string;
}

/** Starts a script of a lesson. */
export function start(
  run: Run,
  { folder }: Lesson,
  name: Name,
  { permissions, path = `${folder}/${name}.ts`, args: own = [] }: Script,
  args: string[],
  { trace, detailed, counts, direct, onLine }: StartOptions = {},
): Child {
  const more = trace === undefined ? [] : recorderPermissions(permissions, trace);
  const recorder = trace === undefined
    ? undefined
    : recorderUrl(permissions, { trace, counts, name, detailed });
  const script = new URL(path, LESSONS);
  const command = denoRun(script, [...permissions, ...more], [...args, ...own], recorder);
  const child = new Child(command, { direct, stdin: direct ? "inherit" : undefined, onLine });
  run.children.push(child);
  return child;
}

/** The client of a lesson, or the mixed cast that takes its place. */
export function clientOf({ server, client }: ServerLesson, args: readonly string[]): Script {
  if (!args.some((arg) => /^--cast(=|$)/.test(arg))) return client;
  return {
    permissions: ["--allow-net"],
    path: CASTS[server.protocol ?? "shout"],
    args: server.limits && ["--limits"],
  };
}

/** What came of one visit of the client to the server. */
export interface Visit extends Costs {
  /** The exit code of the client; not 0 if a reply was wrong or missing. */
  code: number;
  /** The files in which the server and the client were recorded. */
  traces: string[];
  /** What the server printed. */
  lines: string[];
  /** The calls in which its threads were when the client had gone, by thread. */
  underWay: Map<number, ReturnType<typeof callUnderWay>>;
}

/** A visit that did not come to its end. */
export interface Failed {
  /** What to print on stderr; empty if a script has said it already. */
  reason: string;
  /** The exit code for it. */
  code: number;
}

/** How the scripts of a visit are started. */
export interface VisitOptions {
  /** Whether both are recorded, and if so, whether for the player. */
  recorded?: boolean | "detailed";
  /** Whether the client talks with the user by itself, so that its output must not be touched. */
  direct?: boolean;
  /** Gets each line that a script prints. */
  onLine?(name: Name, line: string): void;
  /** Gets a sentence when nothing moves any more. */
  onStall?(sentence: string): void;
}

/** Starts the server, lets the client visit it, and ends it. */
export async function visitServer(
  run: Run,
  lesson: ServerLesson,
  args: string[],
  { recorded = false, direct = false, onLine, onStall }: VisitOptions = {},
): Promise<Visit | Failed> {
  const traces = [`${run.directory}/server.json`, `${run.directory}/client.json`];
  const counts = recorded ? `${run.directory}/counts` : undefined;
  const detailed = recorded === "detailed" || undefined;
  const unseen = onLine === undefined;
  const lines: string[] = [];
  let moved = () => {};
  const { behind: model, processes = false, shown = [] } = lesson.server;
  const options = ["--port", "0", ...shown];
  if (model !== undefined) {
    const behind = startBehind(model);
    run.children.push(behind);
    const upstream = await upstreamOption(behind);
    if (upstream === undefined) {
      return await failure(run, "server", behind, "behind the proxy", true);
    }
    options.push(...upstream);
  }
  const server = start(run, lesson, "server", lesson.server, options, {
    trace: recorded ? traces[0] : undefined,
    detailed,
    counts,
    onLine(line) {
      lines.push(line);
      moved();
      onLine?.("server", line);
    },
  });
  const port = await server.listening();
  if (port === undefined) return await failure(run, "server", server, "before it listened", unseen);

  if (processes && !await settled(server.pid)) {
    return await failure(run, "server", server, "before its processes had begun", unseen);
  }
  using meter = new Meter(server.pid);
  const before = meter.read();
  const callsBefore = readCounts(counts);
  const began = performance.now();
  let outcome: Outcome | undefined;
  const clientArgs = ["--port", String(port), ...args];
  const client = start(run, lesson, "client", clientOf(lesson, args), clientArgs, {
    direct,
    trace: recorded ? traces[1] : undefined,
    detailed,
    onLine(line) {
      outcome = parseSummary(line) ?? outcome;
      moved();
      onLine?.("client", line);
    },
  });
  using watch = onStall && new StallWatch(server.pid, client.pid, port, onStall);
  moved = () => watch?.moved();
  const first = await Promise.race([
    server.ended.then(() => server),
    client.ended,
    run.interrupted,
  ]);
  const wall = performance.now() - began;
  if (run.code !== undefined) { // Ctrl-C may have ended the server as well
    const [after, calls] = [meter.last ?? before, callsBetween(callsBefore, readCounts(counts))];
    return {
      outcome,
      wall,
      before,
      after,
      calls,
      code: run.code,
      traces,
      lines,
      underWay: new Map(),
    };
  }
  if (first === server) {
    return await failure(run, "server", server, "while the client was running", unseen);
  }

  const { code } = await client.ended;
  // The client has said which option was wrong.
  if (code === 2) return { reason: unseen ? client.errors.join("\n") : "", code };
  if (outcome === undefined && !direct) return await failure(run, "client", client, "", unseen);
  // The server still runs, so all that it used can be seen.
  const after = meter.read();
  const calls = callsBetween(callsBefore, readCounts(counts));
  const underWay = detailed ? callsUnderWay(server.pid) : new Map();
  await server.stop();
  const incomplete = [...server.errors, ...client.errors]
    .find((line) => line.startsWith(RECORDER_FAILED));
  if (incomplete !== undefined) return { reason: incomplete, code: 1 };
  return { outcome, wall, before, after, calls, code, traces, lines, underWay };
}

/**
 * The calls in which the threads of a process, and of those that it has started, sleep, as far as
 * the kernel shows them.
 */
function callsUnderWay(pid: number): Visit["underWay"] {
  const calls: Visit["underWay"] = new Map();
  for (const tid of readFamily(pid).keys()) {
    try {
      calls.set(Number(tid), callUnderWay(Number(tid)));
    } catch {
      // It has ended, or the kernel does not show it.
    }
  }
  return calls;
}

/**
 * Ends a script that has failed, and reports in one line which it was, and how it ended.
 *
 * @param unseen Whether what it printed was shown to nobody; then its last error is reported, too.
 */
export async function failure(
  run: Run,
  name: string,
  child: Child,
  when = "",
  unseen = false,
): Promise<Failed> {
  const { code, signal } = await child.stop();
  // Ctrl-C at a terminal reaches the scripts as well, sometimes before it reaches the runner.
  if (signal === "SIGINT") await Promise.race([run.interrupted, sleep(500)]);
  if (run.code !== undefined) return { reason: "", code: run.code };
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  const said = unseen ? child.errors.findLast((line) => /^\S/.test(line)) : undefined;
  const reason = `the ${name} ${how} ${when}`.trimEnd();
  return { reason: said === undefined ? reason : `${reason}: ${said}`, code: 1 };
}
