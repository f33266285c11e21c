/**
 * Runs a lesson: its program, if it has one, then its server and its client, each with what it
 * cost.
 *
 * @module
 */

import { styleText } from "node:util";
import { type Outcome, parseSummary } from "../../client.ts";
import {
  catalogue,
  type Lesson,
  LESSONS,
  type Program,
  type Script as Source,
  type ServerLesson,
} from "./catalogue.ts";
import { callsBetween, costLine, Meter, programLine, programReport } from "./costs.ts";
import { readCounts, serverReport } from "./costs.ts";
import { linesOf } from "../../lines.ts";
import { print, showProgress } from "./progress.ts";
import { readTimeline } from "./timeline.ts";
import { timelineSvg } from "./timeline_svg.ts";
import { timelineText } from "./timeline_text.ts";

/** How long a server may take until it listens, or to end when it is asked to, in milliseconds. */
const PATIENCE = 10_000;

/** The line in which a server says where it listens. */
const LISTENING = /^listening on .*:(\d+)$/;

/** One of the scripts, while it runs: what it prints is printed with its name before each line. */
class Script {
  readonly pid: number;
  /** Settles when it has ended and all of its output has been printed. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #process: Deno.ChildProcess;

  constructor(
    readonly name: "main" | "server" | "client",
    folder: string,
    { permissions, measures }: Source & Pick<Program, "measures">,
    args: string[],
    onLine: (line: string) => void = () => {},
  ) {
    const direct = measures || interactive(args);
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...permissions,
        new URL(`${folder}/${name}.ts`, LESSONS).href,
        ...args,
      ],
      env: { DENO_NO_UPDATE_CHECK: "1" }, // nothing goes out of this machine
      stdin: interactive(args) ? "inherit" : "null",
      stdout: direct ? "inherit" : "piped",
      stderr: direct ? "inherit" : "piped",
    }).spawn();
    this.pid = this.#process.pid;
    const prefix = styleText(name === "server" ? "cyan" : "yellow", `${name} │`);
    async function printAll(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
      for await (const line of linesOf(stream)) {
        print(`${prefix} ${line}`);
        onLine(line);
      }
    }
    const { status } = this.#process;
    this.ended = direct ? status : Promise.all([
      status,
      printAll(this.#process.stdout),
      printAll(this.#process.stderr),
    ]).then(([status]) => status);
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  /** Ends it, as Ctrl-C would; by force, if that does not help. */
  async stop(): Promise<void> {
    this.kill("SIGINT");
    const timer = setTimeout(() => this.kill("SIGKILL"), PATIENCE);
    await this.ended;
    clearTimeout(timer);
  }
}

/**
 * Runs a lesson and prints what its scripts say, what they cost, when they did what, and what to
 * notice. However it ends, none of them is left running.
 *
 * @param args Options for the client; for the program, if that is all there is.
 * @param svg A file in which the timeline is drawn as well.
 * @param onCosts Gets each report of costs, as the lines that are printed.
 * @returns The exit code: 0 if every reply was right, 2 if an option was wrong, else 1.
 */
export async function runLesson(
  lesson: Lesson,
  args: string[],
  { svg, onCosts = () => {} }: { svg?: string; onCosts?: (rows: string[]) => void } = {},
): Promise<number> {
  const scripts: Script[] = [];
  const records = recordsIn(Deno.makeTempDirSync({ prefix: "lesson-" }), svg);
  const interrupted = Promise.withResolvers<number>();
  const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
  const listeners = Object.entries(signals).map(([signal, code]) =>
    [signal as Deno.Signal, () => interrupted.resolve(code)] as const
  );
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    return await Promise.race([interrupted.promise, run(lesson, args, records, scripts, onCosts)]);
  } finally {
    await Promise.all(scripts.map((script) => script.stop()));
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    Deno.removeSync(records.directory, { recursive: true });
  }
}

/** The files in which a run is recorded. */
interface Records {
  directory: string;
  counts: string;
  program: string;
  server: string;
  client: string;
  svg?: string;
}

function recordsIn(directory: string, svg: string | undefined): Records {
  const records = {
    directory,
    counts: `${directory}/counts`,
    program: `${directory}/program.json`,
    server: `${directory}/server.json`,
    client: `${directory}/client.json`,
    svg,
  };
  // A server that does not call libc writes nothing, and is not missed.
  for (const path of [records.counts, records.program, records.server, records.client]) {
    Deno.writeTextFileSync(path, "");
  }
  return records;
}

async function run(
  lesson: Lesson,
  args: string[],
  records: Records,
  scripts: Script[],
  onCosts: (rows: string[]) => void,
): Promise<number> {
  const { main, server, client } = lesson;
  const withServer = server !== undefined && client !== undefined;
  // The help needs neither a server nor what comes before it.
  if (withServer && args.includes("--help")) {
    return (await startClient({ ...lesson, server, client }, args, scripts).ended).code;
  }
  if (main !== undefined) {
    const programArgs = withServer ? [] : args;
    const code = await runProgram({ ...lesson, main }, programArgs, records, scripts, onCosts);
    if (code !== 0 || args.includes("--help")) return code;
    if (withServer) console.log();
  }
  if (withServer) {
    const code = await runServer({ ...lesson, server, client }, args, records, scripts, onCosts);
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
  records: Records,
  scripts: Script[],
  onCosts: (rows: string[]) => void,
): Promise<number> {
  const start = performance.now();
  const { folder, main } = lesson;
  const program = main.coroutines
    ? new Script("main", folder, writing(main, records.program), [
      `--trace=${records.program}`,
      ...args,
    ])
    : new Script("main", folder, main, args);
  scripts.push(program);
  if (main.measures) return (await program.ended).code; // it has said what was wrong
  using meter = new Meter(program.pid, 10);
  const progress = showProgress((time) => `… ${seconds(time)}`);
  const { code } = await program.ended.finally(progress.end);
  if (code === 2) return 2; // it has said which option was wrong
  if (code !== 0) return await fail(program, "");
  if (!args.includes("--help")) {
    const rows = programReport(performance.now() - start, meter.last);
    printCosts("What it cost", rows);
    if (main.coroutines) {
      // A picture is of the server, where there is one.
      const svg = lesson.server === undefined ? records.svg : undefined;
      drawTimeline(lesson, programLine(meter.last), [records.program], svg);
    }
    onCosts(rows);
  }
  return 0;
}

async function runServer(
  lesson: ServerLesson,
  args: string[],
  records: Records,
  scripts: Script[],
  onCosts: (rows: string[]) => void,
): Promise<number> {
  const { server, port } = await startServer(lesson, records, scripts);
  if (port === undefined) return fail(server, "before it listened");

  using meter = new Meter(server.pid);
  const before = meter.read();
  const callsBefore = readCounts(records.counts);
  const start = performance.now();
  let outcome: Outcome | undefined;
  const clientArgs = ["--port", port, `--trace=${records.client}`, ...args];
  const client = startClient(
    { ...lesson, client: writing(lesson.client, records.client) },
    clientArgs,
    scripts,
    (line) => {
      outcome = parseSummary(line) ?? outcome;
    },
  );
  const progress = interactive(args) ? undefined : showProgress((time) => {
    const calls = callsBetween(callsBefore, readCounts(records.counts));
    const made = calls.reduce((sum, { calls }) => sum + calls, 0);
    return `… ${seconds(time)}, ${made.toLocaleString("en")} system calls`;
  });
  const first = await Promise.race([server.ended.then(() => server), client.ended])
    .finally(progress?.end);
  if (first === server) return await fail(server, "while the client was running");
  const wall = performance.now() - start;

  // The server still runs, so all that it used can be seen.
  const { code } = await client.ended;
  if (code === 2) return 2; // the client has said which option was wrong
  if (outcome !== undefined || interactive(args)) {
    const after = meter.read();
    const calls = callsBetween(callsBefore, readCounts(records.counts));
    const costs = { outcome, wall, before, after, calls };
    const rows = serverReport(costs);
    printCosts("What it cost the server", rows);
    drawTimeline(lesson, costLine(costs), [records.server, records.client], records.svg);
    onCosts(rows);
  }
  return code === 0 ? 0 : await fail(client, "");
}

function printCosts(heading: string, rows: string[]) {
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

/** A script that may write a file as well. */
function writing({ permissions }: Source, path: string): Source {
  return { permissions: [...permissions, `--allow-write=${path}`] };
}

async function startServer(lesson: ServerLesson, records: Records, scripts: Script[]) {
  const listening = Promise.withResolvers<string | undefined>();
  const args = ["--port", "0", "--count-calls", records.counts, `--trace=${records.server}`];
  const server = new Script("server", lesson.folder, lesson.server, args, (line) => {
    const port = LISTENING.exec(line)?.[1];
    if (port !== undefined) listening.resolve(port);
  });
  scripts.push(server);
  const timer = setTimeout(() => listening.resolve(undefined), PATIENCE);
  server.ended.then(() => listening.resolve(undefined));
  const port = await listening.promise;
  clearTimeout(timer);
  return { server, port };
}

function startClient(
  lesson: ServerLesson,
  args: string[],
  scripts: Script[],
  onLine?: (line: string) => void,
): Script {
  const client = new Script("client", lesson.folder, lesson.client, args, onLine);
  scripts.push(client);
  return client;
}

/** Whether a client talks with the user by itself, so that its output must not be touched. */
function interactive(args: string[]): boolean {
  return args.includes("--interactive");
}

/** Says in one line which script failed, and how, and returns the exit code for it. */
async function fail(script: Script, when: string): Promise<number> {
  script.kill("SIGINT"); // a server that neither listens nor ends
  const { code, signal } = await script.ended;
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  console.error(
    styleText(
      "red",
      `the ${script.name === "main" ? "program" : script.name} ${how} ${when}`.trimEnd(),
    ),
  );
  return 1;
}
