/**
 * Whether a working copy is correct: a server has to pass the scenarios of `deno task check`,
 * anything else the cases of its lesson.
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { check, Failure, OutOfDescriptors, skipReason } from "../check/check.ts";
import { scenariosFor } from "../check/scenarios.ts";
import { lastWords, type Subject } from "../check/server.ts";
import { sourcesOf, writeSources } from "../check/sources.ts";
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
  const subject = subjectOf(exercise);
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
export async function verify(
  exercise: Exercise,
  file: URL,
  onBegin: (name: string) => void = () => {},
  onlyMeant = false,
): Promise<Verdict> {
  const subject = subjectOf(exercise);
  if (subject === undefined) return await verifyCases(exercise, file, onBegin);
  if (exercise.server === undefined) {
    return await verifyServer(exercise, { ...subject, script: file }, onBegin, onlyMeant);
  }
  // The server and its modules go into a folder, with the working copy in place of one of them.
  const path = makeTemporaryFolder("exercise-");
  try {
    const folder = pathToFileURL(`${path}/`);
    const sources = sourcesOf(subject.script);
    const module = new URL(exercise.script, LESSONS);
    sources.set(module.href, Deno.readTextFileSync(file));
    writeSources(sources, folder);
    const [script, copy] = [subject.script, module].map(({ href }) =>
      new URL(href.slice(href.lastIndexOf("/") + 1), folder)
    );
    const verdict = await verifyServer(exercise, { ...subject, script }, onBegin, onlyMeant);
    const errors = verdict.errors.map((line) => line.replaceAll(copy.href, file.href));
    return { ...verdict, errors };
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

/** The server that is judged; undefined if there is none. */
function subjectOf({ script, server }: Exercise): Subject | undefined {
  const { href } = new URL(script, LESSONS);
  return subjects.find((subject) =>
    server === undefined ? subject.script.href === href : subject.name === server
  );
}

async function verifyServer(
  { foundBy, limit = PATIENCE }: Exercise,
  subject: Subject,
  onBegin: (name: string) => void,
  onlyMeant: boolean,
): Promise<Verdict> {
  const passed: string[] = [];
  const suitable = scenariosFor(subject).filter((scenario) =>
    skipReason(subject, scenario) === undefined
  );
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
  const { id, script, foundBy, limit = PATIENCE } = exercise;
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
  const args = [id.slice(0, 2), script, foundBy];
  const child = new Child([Deno.execPath(), ...options, runner, ...args], { onLine });
  timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const { success, signal } = await child.ended;
  clearTimeout(timer);
  Deno.removeSync(folder, { recursive: true });
  verdict.errors = lastWords(child.errors);
  if (success || verdict.failed !== undefined) return verdict;
  verdict.failed = running;
  if (!ended && signal === "SIGKILL") verdict.saw = "nothing moved any more, and it was ended";
  else verdict.saw = child.errors.find((line) => /\w*Error: /.test(line)) ?? "it ended too early";
  return verdict;
}
