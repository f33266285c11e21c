/**
 * Which packages the tests run on. Where JSR answers, `deno task test` and `deno task ok` run on
 * the real `@std`. Everywhere else, and under plain `deno test -A`, the `links` of deno.json put
 * the replacements in `tests/offline/` in its place.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { linesOf } from "../shared/lines.ts";
import { onEndSignal } from "../shared/tools/process/signals.ts";
import { ROOT } from "./processes.ts";

/** How long JSR may take to answer, in milliseconds. A network may swallow packets for good. */
const PATIENCE = 5_000;

/** How long what `deno test` has started may take to end once it was asked to, in milliseconds. */
const GRACE = 3_000;

/** The configuration without links. Links win over JSR wherever they are. */
const REAL = ["--config", `${ROOT}tests/jsr.json`];

/**
 * Looks once whether `@std` can be had, from JSR or from Deno's cache, and says in one line which
 * packages it will be.
 *
 * @returns The options of `deno test` and `deno check` that choose them.
 */
export async function packageOptions(): Promise<string[]> {
  // The contract test imports everything from them that any test uses.
  const reason = await whyMissing("JSR", `${ROOT}tests/contract_test.ts`, PATIENCE, REAL);
  if (reason === undefined) {
    console.log("packages: @std, from JSR");
    return REAL;
  }
  console.log(`packages: the replacements in tests/offline, since ${reason}`);
  return [];
}

/**
 * Why the packages that a module imports cannot be had, neither from a registry nor from Deno's
 * cache; undefined if they can.
 *
 * @param patience How long the registry may take, in milliseconds.
 * @param options Further options of `deno cache`.
 */
export async function whyMissing(
  registry: string,
  module: string,
  patience: number,
  options: string[] = [],
): Promise<string | undefined> {
  const { success, signal } = await run(["cache", "--quiet", ...options, module], {
    stdout: "null",
    stderr: "null",
    patience,
  });
  if (success) return undefined;
  return signal === null ? `${registry} cannot be reached` : `${registry} did not answer in time`;
}

/** Why lesson 16 lacks what draws its charts; undefined if it does not. */
export function whyNoCharts(): Promise<string | undefined> {
  return whyMissing("npm", `${ROOT}lessons/16-comparison/charts.ts`, 60_000);
}

/** Runs Deno in the root of the project, with this process's terminal. Returns its exit code. */
export async function deno(...args: string[]): Promise<number> {
  return (await run(args)).code;
}

/** The same, and hands over each line of its standard output as well. */
export async function denoByLine(
  args: string[],
  onLine: (line: string) => void,
): Promise<number> {
  return (await run(args, { stdout: "piped", onLine })).code;
}

/** How Deno is run. */
interface Run extends Pick<Deno.CommandOptions, "stdout" | "stderr"> {
  /** Gets each line of its standard output, if that is piped. */
  onLine?(line: string): void;
  /** After how long it is killed, in milliseconds. */
  patience?: number;
}

/**
 * Runs Deno. A signal that asks this process to end is passed on to Deno and to everything that
 * Deno has started, and then ends this process.
 */
async function run(
  args: string[],
  { onLine, patience, ...output }: Run = {},
): Promise<Deno.CommandStatus> {
  let exitCode = 0; // the one that reports a signal
  // The listener comes first: between the start and a later listener, a signal would leave the
  // child behind.
  using _listening = onEndSignal((signal, code) => {
    exitCode = code;
    killGroup(child.pid, signal);
  });
  // A process group of its own. Tests start servers, and a signal to `deno test` alone would leave
  // those running. At a terminal, Ctrl-C then reaches this process alone, which passes it on.
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdin: "null",
    detached: true,
    ...output,
  }).spawn();
  const timer = patience && setTimeout(() => child.kill("SIGKILL"), patience);
  if (onLine !== undefined) {
    for await (const line of linesOf(child.stdout)) {
      console.log(line);
      onLine(line);
    }
  }
  const status = await child.status;
  clearTimeout(timer);
  if (exitCode === 0) return status;
  // Scripts that clean up have a moment for it, and nothing survives.
  for (const end = performance.now() + GRACE; performance.now() < end; await sleep(20)) {
    if (!hasMembers(child.pid)) break;
  }
  killGroup(child.pid, "SIGKILL");
  Deno.exit(exitCode);
}

/** Sends a signal to all processes of a group, if there still are any. See kill(2). */
function killGroup(group: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-group, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether a process of the group still runs; a zombie counts no more. See proc(5). */
function hasMembers(group: number): boolean {
  return [...Deno.readDirSync("/proc")].some(({ name }) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${Number(name)}/stat`);
      // The name of the program comes before this, in brackets, and may hold anything.
      const [, state, , id] = stat.slice(stat.lastIndexOf(")")).split(" ");
      return Number(id) === group && state !== "Z";
    } catch {
      return false; // not a process, or it has just ended
    }
  });
}
