/**
 * Whether a working copy is correct: a server has to pass the scenarios of `deno task check`,
 * anything else the cases of its lesson.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { check, Failure, OutOfDescriptors, skipReason } from "../check/check.ts";
import { scenarios } from "../check/scenarios.ts";
import type { Subject } from "../check/server.ts";
import { subjects, unavailable } from "../check/subjects.ts";
import { LESSONS } from "../lesson/catalogue.ts";
import { Child } from "../process/child.ts";
import { makeTemporaryFolder } from "../process/files.ts";
import type { Exercise } from "./exercise.ts";

/** What was found out about a working copy. */
export interface Verdict {
  /** What it was put through, in its order; the last one failed, unless it is correct. */
  passed: string[];
  /** The scenario or the case that failed; undefined if it is correct. */
  failed?: string;
  /** What was seen. */
  saw?: string;
  /** What it usually comes from. */
  usually?: string;
  /** What the program printed on stderr. */
  errors: readonly string[];
}

/** How long a scenario may take unless it says otherwise, and a case, in milliseconds. */
const PATIENCE = 6000;

/** Why an exercise cannot be checked on this machine; undefined if it can. */
export function impossible(exercise: Exercise): string | undefined {
  const subject = subjectOf(exercise, new URL(exercise.script, LESSONS));
  return subject === undefined ? undefined : unavailable(subject);
}

/**
 * Checks a working copy. It stops at the first failure, and what is meant to find the fault comes
 * first.
 *
 * @param file The working copy.
 * @param onBegin Gets the name of each scenario or case before it begins.
 * @param onlyMeant Whether a server is put only into the scenario that is meant to find the fault.
 */
export function verify(
  exercise: Exercise,
  file: URL,
  onBegin: (name: string) => void = () => {},
  onlyMeant = false,
): Promise<Verdict> {
  const subject = subjectOf(exercise, file);
  return subject === undefined
    ? verifyCases(exercise, file, onBegin)
    : verifyServer(exercise, subject, onBegin, onlyMeant);
}

/** The working copy as a server; undefined if it is none. */
function subjectOf({ script }: Exercise, file: URL): Subject | undefined {
  const { href } = new URL(script, LESSONS);
  const subject = subjects.find((subject) => subject.script.href === href);
  return subject && { ...subject, script: file };
}

async function verifyServer(
  { foundBy, limit = PATIENCE }: Exercise,
  subject: Subject,
  onBegin: (name: string) => void,
  onlyMeant: boolean,
): Promise<Verdict> {
  const passed: string[] = [];
  const suitable = scenarios.filter((scenario) => skipReason(subject, scenario) === undefined);
  const meant = suitable.filter(({ name }) => name === foundBy);
  const others = onlyMeant ? [] : suitable.filter(({ name }) => name !== foundBy);
  for (const scenario of [...meant, ...others]) {
    const { name } = scenario;
    onBegin(name);
    try {
      await check(subject, { limit: PATIENCE, ...scenario, ...name === foundBy ? { limit } : {} });
      passed.push(name);
    } catch (error) {
      if (error instanceof OutOfDescriptors) continue;
      const [saw, usually, errors] = error instanceof Failure
        ? [`${scenario.seenBy}: ${error.saw}`, error.fault, error.stderr]
        : [(error as Error).message, undefined, []];
      return { passed, failed: name, saw, usually, errors };
    }
  }
  return { passed, errors: [] };
}

/** What a process that runs cases prints, a line of JSON for each of these. */
export type CaseEvent =
  | { begins: string }
  | { passed: string }
  | { failed: string; saw: string };

async function verifyCases(
  exercise: Exercise,
  file: URL,
  onBegin: (name: string) => void,
): Promise<Verdict> {
  const { script, foundBy, limit = PATIENCE } = exercise;
  const verdict: Verdict = { passed: [], errors: [] };
  let running = "its first line"; // until the first case begins
  let ended = false;
  let timer: ReturnType<typeof setTimeout>;
  function onLine(line: string, stream: "stdout" | "stderr") {
    if (stream === "stderr" || !line.startsWith('{"')) return;
    const event: CaseEvent = JSON.parse(line);
    if ("begins" in event) {
      running = event.begins;
      clearTimeout(timer);
      timer = setTimeout(() => child.kill("SIGKILL"), running === foundBy ? limit : PATIENCE);
      onBegin(running);
    } else if ("passed" in event) verdict.passed.push(event.passed);
    else Object.assign(verdict, event);
    ended = !("begins" in event);
  }
  // Every module that imports the script gets the working copy.
  const redirected = { imports: { [new URL(script, LESSONS).href]: file.href } };
  const folder = makeTemporaryFolder("exercise-");
  const map = `${folder}/import_map.json`;
  Deno.writeTextFileSync(map, JSON.stringify(redirected));
  const runner = fileURLToPath(new URL("run_cases.ts", import.meta.url));
  const options = ["run", "--quiet", "--no-prompt", "-A", "--import-map", map];
  const child = new Child([Deno.execPath(), ...options, runner, script, foundBy], { onLine });
  timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const { success, signal } = await child.ended;
  clearTimeout(timer);
  Deno.removeSync(folder, { recursive: true });
  verdict.errors = child.errors.slice(0, 3);
  if (success || verdict.failed !== undefined) return verdict;
  verdict.failed = running;
  if (!ended && signal === "SIGKILL") verdict.saw = "nothing moved any more, and it was ended";
  else verdict.saw = child.errors.find((line) => /\w*Error: /.test(line)) ?? "it ended too early";
  return verdict;
}
