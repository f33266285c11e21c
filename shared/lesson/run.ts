/**
 * Runs a lesson: its server, then its client, then the cost report.
 *
 * @module
 */

import { styleText } from "node:util";
import { type Outcome, parseSummary } from "../client.ts";
import { catalogue, type Lesson } from "./catalogue.ts";
import { callsBetween, Meter, readCounts, report } from "./costs.ts";
import { linesOf } from "./lines.ts";

/** The folder of all lessons. */
export const LESSONS: URL = new URL("../../lessons/", import.meta.url);
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
    readonly side: "server" | "client",
    { folder, [side]: { permissions } }: Lesson,
    args: string[],
    onLine: (line: string) => void,
  ) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...permissions,
        new URL(`${folder}/${side}.ts`, LESSONS).href,
        ...args,
      ],
      stdin: interactive(args) ? "inherit" : "null",
      stdout: interactive(args) ? "inherit" : "piped",
      stderr: interactive(args) ? "inherit" : "piped",
    }).spawn();
    this.pid = this.#process.pid;
    const prefix = styleText(side === "server" ? "cyan" : "yellow", `${side} │`);
    async function print(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
      for await (const line of linesOf(stream)) {
        console.log(`${prefix} ${line}`);
        onLine(line);
      }
    }
    const { status } = this.#process;
    this.ended = interactive(args) ? status : Promise.all([
      status,
      print(this.#process.stdout),
      print(this.#process.stderr),
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
 * Runs a lesson and prints what both sides say, what it cost the server, and what to notice.
 * However it ends, neither side is left running.
 *
 * @param args Options for the client.
 * @returns The exit code: 0 if every reply was right, 2 if an option was wrong, else 1.
 */
export async function runLesson(lesson: Lesson, args: string[]): Promise<number> {
  const scripts: Script[] = [];
  const counts = Deno.makeTempFileSync({ prefix: "lesson-" });
  const interrupted = Promise.withResolvers<number>();
  const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
  const listeners = Object.entries(signals).map(([signal, code]) =>
    [signal as Deno.Signal, () => interrupted.resolve(code)] as const
  );
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    return await Promise.race([interrupted.promise, run(lesson, args, counts, scripts)]);
  } finally {
    await Promise.all(scripts.map((script) => script.stop()));
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    Deno.removeSync(counts);
  }
}

async function run(
  lesson: Lesson,
  args: string[],
  counts: string,
  scripts: Script[],
): Promise<number> {
  // The help of a client needs no server.
  if (args.includes("--help")) return (await startClient(lesson, args, scripts).ended).code;

  const { server, port } = await startServer(lesson, counts, scripts);
  if (port === undefined) return fail(server, "before it listened");

  using meter = new Meter(server.pid);
  const before = meter.read();
  const callsBefore = readCounts(counts);
  const start = performance.now();
  let outcome: Outcome | undefined;
  const client = startClient(lesson, ["--port", port, ...args], scripts, (line) => {
    outcome = parseSummary(line) ?? outcome;
  });
  const first = await Promise.race([server.ended.then(() => server), client.ended]);
  if (first === server) return await fail(server, "while the client was running");
  const wall = performance.now() - start;

  // The server still runs, so all that it used can be seen.
  const { code } = await client.ended;
  if (code === 2) return 2; // the client has said which option was wrong
  if (outcome !== undefined || interactive(args)) {
    const calls = callsBetween(callsBefore, readCounts(counts));
    const rows = report({ outcome, wall, before, after: meter.read(), calls });
    console.log(`\n${styleText("bold", "What it cost the server")}`);
    for (const row of rows) console.log(`  ${row}`);
  }
  if (code !== 0) return await fail(client, "");
  console.log(`\n${styleText("bold", lesson.notice)}`);
  const next = catalogue[catalogue.indexOf(lesson) + 1];
  if (next !== undefined) console.log(`Next: deno task lesson:${next.number} (${next.title})`);
  return 0;
}

async function startServer(lesson: Lesson, counts: string, scripts: Script[]) {
  const listening = Promise.withResolvers<string | undefined>();
  const args = ["--port", "0", "--count-calls", counts];
  const server = new Script("server", lesson, args, (line) => {
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
  lesson: Lesson,
  args: string[],
  scripts: Script[],
  onLine: (line: string) => void = () => {},
): Script {
  const client = new Script("client", lesson, args, onLine);
  scripts.push(client);
  return client;
}

/** Whether a client talks with the user by itself, so that its output must not be touched. */
function interactive(args: string[]): boolean {
  return args.includes("--interactive");
}

/** Says in one line which side failed, and how, and returns the exit code for it. */
async function fail(script: Script, when: string): Promise<number> {
  script.kill("SIGINT"); // a server that neither listens nor ends
  const { code, signal } = await script.ended;
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  console.error(styleText("red", `the ${script.side} ${how} ${when}`.trimEnd()));
  return 1;
}
