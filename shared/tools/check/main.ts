/**
 * `deno task check 03` reports what is wrong with the server of a lesson as it now is, and which
 * fault that usually comes from. It does the same for any script that listens on `--port`, and with
 * `--address 127.0.0.1:9000` for a server that already runs.
 *
 * It needs no package: it uses nothing but Deno's own modules.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { parseArgs, styleText } from "node:util";
import { findLesson } from "../lesson/catalogue.ts";
import { printSentence } from "../process/terminal.ts";
import { killAll } from "../process/child.ts";
import { userPath } from "../process/files.ts";
import { onEndSignal } from "../process/signals.ts";
import type { Address } from "../../linux/socket.ts";
import { HOST, refuse } from "../../options.ts";
import { connect, say } from "./clients.ts";
import { check, checkAddress, Failure, OutOfDescriptors, skipReason } from "./check.ts";
import { deadline } from "./deadline.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios, scenariosFor } from "./scenarios.ts";
import { Server, type Subject } from "./server.ts";
import { subjects, unavailable } from "./subjects.ts";

const HELP = `deno task check 03                        the server of a lesson, and its variants
deno task check 06/edge-triggered         one variant
deno task check path/to/server.ts         any script that listens on --port
deno task check --address 127.0.0.1:9000  any server that runs on this machine`;

/** How long a scenario may take unless it says otherwise, in milliseconds. Most take 100. */
const PATIENCE = 5_000;

/** A server, and how to put it into a scenario. */
interface Candidate {
  name: string;
  /** What it is put into. */
  scenarios: readonly Scenario[];
  /** Why it is left out of a scenario; undefined if it is not. */
  skipReason(scenario: Scenario): string | undefined;
  /** Throws if it fails. */
  check(scenario: Scenario): Promise<void>;
}

// The rest of a scenario that has failed may fail as well, when nothing waits for it any more.
addEventListener("unhandledrejection", (event) => event.preventDefault());

onEndSignal((_signal, code) => {
  killAll();
  if (Deno.stdout.isTerminal()) write("\n"); // the line that it was at ends here
  Deno.exit(code);
});

let wrong = 0;
for (const candidate of await candidates()) wrong += await examine(candidate);
// What is left of a scenario that has failed may still be waiting.
Deno.exit(wrong > 0 ? 1 : 0);

/** Puts a server into all scenarios, and returns in how many it failed. */
async function examine(candidate: Candidate): Promise<number> {
  console.log(styleText("bold", candidate.name));
  const counts = { correct: 0, wrong: 0, "left out": 0 };
  const reported = new Set<string>();
  for (const scenario of candidate.scenarios) {
    const { name } = scenario;
    const failure = candidate.skipReason(scenario) ?? await failureOf(candidate, scenario);
    if (failure === undefined) {
      counts.correct++;
      console.log(`  ${styleText("green", "✓")} ${name}`);
    } else if (typeof failure === "string" || failure instanceof OutOfDescriptors) {
      counts["left out"]++;
      const reason = typeof failure === "string" ? failure : failure.message;
      printSentence(styleText("dim", `- ${name} (left out: ${reason})`), "  ");
    } else {
      counts.wrong++;
      console.log(`  ${styleText("red", "✗")} ${name}`);
      report(scenario, failure, reported);
    }
  }
  const rows = Object.entries(counts).filter(([, count]) => count > 0);
  console.log(`${candidate.name}: ${rows.map(([word, count]) => `${count} ${word}`).join(", ")}`);
  return counts.wrong;
}

/** Prints what was seen, and the fault that it usually comes from, unless that was reported. */
function report({ seenBy }: Scenario, failure: Error, reported: Set<string>) {
  if (!(failure instanceof Failure)) return printSentence(failure.message, "      ");
  const { saw, fault, stderr } = failure;
  printSentence(`${seenBy}: ${saw}`, "      ");
  for (const line of stderr) console.log(`      stderr: ${line}`);
  if (!reported.has(fault)) printSentence(`Usually: ${fault}.`, "      ");
  reported.add(fault);
}

async function failureOf(candidate: Candidate, scenario: Scenario): Promise<Error | undefined> {
  // A line that gives way to the result, and that only people see.
  if (Deno.stdout.isTerminal()) write(`  … ${scenario.name}`);
  try {
    await candidate.check({ limit: PATIENCE, ...scenario });
  } catch (error) {
    return error as Error;
  } finally {
    if (Deno.stdout.isTerminal()) write("\r\x1b[K");
  }
}

function write(text: string) {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

async function candidates(): Promise<Candidate[]> {
  const { positionals, values } = parsed();
  if (values.help) {
    console.log(HELP);
    Deno.exit();
  }
  if (values.address !== undefined) {
    if (positionals.length > 0) refuse("--address stands alone");
    return [await ofAddress(values.address)];
  }
  if (positionals.length !== 1) refuse("deno task check takes the number of a lesson, or a script");
  const [target] = positionals;
  const found = /^\d+(\/[\w-]+)?$/.test(target) ? ofLesson(target) : ofScript(target);
  for (const subject of found) {
    const reason = unavailable(subject);
    if (reason !== undefined) quit(`${subject.name} cannot be checked here: ${reason}`);
    await expectStart(subject);
  }
  return found.map((subject) => ({
    name: subject.name,
    scenarios: scenariosFor(subject),
    skipReason: (scenario) => skipReason(subject, scenario),
    check: (scenario) => check(subject, scenario),
  }));
}

function parsed() {
  try {
    return parseArgs({
      args: Deno.args.filter((arg) => arg !== "--"),
      allowPositionals: true,
      options: { address: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    return refuse(error as Error);
  }
}

function ofLesson(text: string): Subject[] {
  const lesson = findLesson(text);
  if (lesson === undefined) refuse(`there is no lesson ${text}; deno task lesson lists them`);
  if (lesson.server === undefined) refuse(`lesson ${text} has no server`);
  const [, variant] = text.split("/");
  const name = lesson.folder.replace("-", " ");
  return subjects.filter((subject) =>
    variant === undefined ? subject.name.startsWith(name) : subject.name === `${name} ${variant}`
  );
}

function ofScript(path: string): Subject[] {
  const script = pathToFileURL(userPath(path));
  try {
    if (!Deno.statSync(script).isFile) refuse(`${path} is not a script`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    refuse(`there is no script ${path}`);
  }
  if (!/\.[cm]?[jt]sx?$/.test(path)) {
    refuse(`${path} is not a script for Deno: start it yourself, and check it with --address`);
  }
  const known = subjects.filter((subject) => subject.script.href === script.href);
  if (known.length > 0) return known;
  return [{ name: path, script, permissions: ["-A"], foreign: true }];
}

async function ofAddress(text: string): Promise<Candidate> {
  const match = /^(localhost|127\.[\d.]+):([1-9]\d{0,4})$/.exec(text);
  if (match === null || !isHost(match[1]) || Number(match[2]) > 65535) {
    refuse(`--address takes an address of this machine such as 127.0.0.1:9000, not "${text}"`);
  }
  const address: Address = {
    host: match[1] === "localhost" ? "127.0.0.1" : match[1],
    port: Number(match[2]),
  };
  try {
    await expectAnswer(address);
  } catch (error) {
    quit(`${text} cannot be checked: ${(error as Error).message}`);
  }
  const reason = "it needs the server's process";
  return {
    name: text,
    scenarios,
    skipReason: (scenario) => scenario.inspects ? reason : skipReason({}, scenario),
    check: (scenario) =>
      scenario.inspects ? Promise.reject(new Error(reason)) : checkAddress(address, scenario),
  };
}

/** Whether it is a name or a numeric address; anything else would be looked up in the DNS. */
function isHost(host: string): boolean {
  return host === "localhost" || HOST.parse(host) !== undefined;
}

/** What does not even start would fail in every scenario, for the same reason. */
async function expectStart(subject: Subject): Promise<void> {
  try {
    await using server = await Server.start(subject);
    await expectAnswer(server);
  } catch (error) {
    quit(`${subject.name} cannot be checked: ${(error as Error).message}`);
  }
}

/** Fails for a server that never answers. What it answers is left to the scenarios. */
async function expectAnswer(address: Address): Promise<void> {
  using connection = await connect(address);
  const answer = say(connection, "hello\n").catch(() => {});
  await deadline(
    answer,
    PATIENCE,
    "it accepts clients, but the first one got no reply to its hello",
  );
}

function quit(reason: string): never {
  console.error(reason);
  Deno.exit(1);
}
