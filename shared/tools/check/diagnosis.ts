/**
 * From what was seen to one cause: the fault, and the line if it can be found.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { LESSONS } from "../lesson/catalogue.ts";
import { check, Failure } from "./check.ts";
import { isLastWord } from "./faults.ts";
import type { Scenario } from "./scenario.ts";
import type { Subject } from "./server.ts";

/** A scenario in which a server failed, and what was seen there. */
export interface Finding {
  /** The scenario. */
  scenario: Scenario;
  /** What was seen. */
  failure: Failure;
}

/** The cause of some failures. */
export interface Cause {
  /** Which fault it is, without a full stop. */
  fault: string;
  /** Where it is, such as `lessons/05-poll/server.ts:62`; undefined if that is not known. */
  place?: string;
  /** Where it was seen. */
  finding: Finding;
}

const STACKS = new URL("stacks.ts", import.meta.url);
const ROOT = new URL("../", LESSONS).href;

/**
 * The most likely cause: a generator that is not delegated to, else what the server's own last
 * words name, else what the first client saw.
 *
 * @param findings The failures, in the order of the scenarios; at least one.
 * @param subject The server, unless there is only an address.
 */
export async function causeOf(findings: readonly Finding[], subject?: Subject): Promise<Cause> {
  const spoken = findings.find(({ failure }) => isLastWord(failure.fault));
  const finding = spoken ?? findings[0];
  const { failure } = finding;
  const forgotten = subject && await forgottenDelegation(subject.script);
  if (forgotten !== undefined) return { ...forgotten, finding };
  const place = subject && (placeIn(failure.stderr, subject.script) ??
    (failure.saw.includes("ended with exit code") ? await placeOf(finding, subject) : undefined));
  return { fault: failure.fault, place, finding };
}

/** What `deno lint` reports of a script. */
interface Report {
  diagnostics: { code: string; message: string; range: { start: { line: number } } }[];
}

/** A call of a generator function whose result nobody runs, if a script has one. */
export async function forgottenDelegation(
  script: URL,
): Promise<{ fault: string; place: string } | undefined> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["lint", "--json", "--config", fileURLToPath(new URL("deno.json", ROOT)), script.href],
    stdin: "null",
    stderr: "null",
  }).output();
  try {
    const { diagnostics }: Report = JSON.parse(new TextDecoder().decode(stdout));
    const found = diagnostics.find(({ code }) => code === "delegation/yield-star");
    return found && { fault: found.message, place: nameOf(script, found.range.start.line) };
  } catch {
    return undefined; // it could not be read
  }
}

/** Runs a scenario once more with stacks: a system error is otherwise one line of advice. */
async function placeOf({ scenario }: Finding, subject: Subject): Promise<string | undefined> {
  try {
    await check({ ...subject, preload: STACKS.href }, scenario);
  } catch (error) {
    if (error instanceof Failure) return placeIn(error.stderr, subject.script);
  }
}

/** The first line of a script that a stack names. */
function placeIn(stderr: readonly string[], script: URL): string | undefined {
  const text = stderr.join("\n");
  const at = text.indexOf(`${script.href}:`);
  if (at === -1) return undefined;
  return nameOf(script, parseInt(text.slice(at + script.href.length + 1)));
}

function nameOf({ href }: URL, line: number): string {
  const name = href.startsWith(ROOT) ? href.slice(ROOT.length) : fileURLToPath(href);
  return `${name}:${line}`;
}
