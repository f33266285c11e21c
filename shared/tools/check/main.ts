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
import { check, checkAddress, Failure, skipReason } from "./check.ts";
import { deadline } from "./deadline.ts";
import { causeOf, type Finding, forgottenDelegation } from "./diagnosis.ts";
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

/** How long it may take when another has failed before. */
const HURRY = 1_500;
/** For how long others are tried after the first failure, in milliseconds. */
const AFTER_FAILURE = 4_000;

/** A server, and how to put it into a scenario. */
interface Candidate {
  name: string;
  /** The server, unless there is only an address. */
  subject?: Subject;
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
  const rows: string[] = [];
  const counts = { correct: 0, wrong: 0, "left out": 0, "not tried": 0 };
  const findings: Finding[] = [];
  let end = Infinity; // when nothing more is tried
  for (const [i, scenario] of candidate.scenarios.entries()) {
    if (performance.now() > end) {
      counts["not tried"]++;
      continue;
    }
    const { name } = scenario;
    // Once something has failed, what follows is only to show how much fails for the same reason.
    const hurried = findings.length === 0 ? scenario : { ...scenario, limit: HURRY };
    const failure = candidate.skipReason(scenario) ??
      await failureOf(candidate, hurried, `${name} (${i + 1} of ${candidate.scenarios.length})`);
    if (failure === undefined) {
      counts.correct++;
      rows.push(`${styleText("green", "✓")} ${name}`);
    } else if (failure instanceof Failure) {
      counts.wrong++;
      if (findings.push({ scenario, failure }) === 1) end = performance.now() + AFTER_FAILURE;
    } else {
      counts["left out"]++;
      const reason = typeof failure === "string" ? failure : failure.message;
      rows.push(styleText("dim", `- ${name} (left out: ${reason})`));
    }
  }
  if (findings.length > 0) await report(candidate, findings);
  for (const row of rows) printSentence(row, "  ");
  const numbers = Object.entries(counts).filter(([, count]) => count > 0);
  console.log(
    `${candidate.name}: ${numbers.map(([word, count]) => `${count} ${word}`).join(", ")}`,
  );
  return counts.wrong;
}

/** Prints the cause, where it was seen, and what else fails. */
async function report({ subject }: Candidate, findings: readonly Finding[]) {
  const { fault, place, finding } = await causeOf(findings, subject);
  const { scenario: { name, seenBy }, failure: { saw, stderr, waits } } = finding;
  printSentence(styleText("bold", sentenceOf(fault, place)), "  ", 0);
  printSentence(`Seen by ${seenBy}: ${saw}.`, "  ", 0);
  if (waits !== undefined) printSentence(`Then ${waits}.`, "  ", 0);
  for (const line of stderr) console.log(`  stderr: ${line}`);
  console.log(`\n  ${styleText("red", "✗")} ${name}`);
  const others = findings.filter((other) => other !== finding);
  const same = others.filter(({ failure }) => failure.fault === finding.failure.fault);
  printOthers(same, "for the same reason");
  printOthers(others.filter((other) => !same.includes(other)), "perhaps for other reasons");
}

/** A fault as a sentence; the name of a call stays as it is. */
function sentenceOf(fault: string, place?: string): string {
  const begin = /^\w+ (failed|returns|returned|took) /.test(fault)
    ? fault[0]
    : fault[0].toUpperCase();
  return `${begin}${fault.slice(1)}${place === undefined ? "" : ` (${place})`}.`;
}

function printOthers(findings: readonly Finding[], why: string) {
  if (findings.length === 0) return;
  const names = findings.map(({ scenario }) => scenario.name).join("; ");
  const fail = findings.length === 1 ? "fails" : "fail";
  const sentence = `${findings.length} more ${fail}, ${why}: ${names}`;
  printSentence(`${styleText("red", "✗")} ${sentence}`, "  ");
}

async function failureOf(
  candidate: Candidate,
  scenario: Scenario,
  progress: string,
): Promise<Error | undefined> {
  // A line that gives way to the result, and that only people see.
  if (Deno.stdout.isTerminal()) write(`  … ${progress}`);
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
    subject,
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
  let waits: string | undefined;
  try {
    await using server = await Server.start(subject);
    await expectAnswer(server).finally(() => waits = server.waits);
  } catch (error) {
    const forgotten = await forgottenDelegation(subject.script);
    if (forgotten !== undefined) console.error(sentenceOf(forgotten.fault, forgotten.place));
    const then = waits === undefined ? "" : `; then ${waits}`;
    quit(`${subject.name} cannot be checked: ${(error as Error).message}${then}`);
  }
}

/** Fails for a server that never answers. What it answers is left to the scenarios. */
async function expectAnswer(address: Address): Promise<void> {
  using connection = await connect(address);
  const answer = say(connection, "hello\n").catch(() => {});
  await deadline(
    answer,
    PATIENCE,
    "it accepts clients, but the first one got no complete reply to its hello",
  );
}

function quit(reason: string): never {
  console.error(reason);
  Deno.exit(1);
}
