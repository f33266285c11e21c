/**
 * Runs the cases of a lesson, the one that is meant to find a fault first, until one of them fails.
 *
 *     deno run -A --import-map MAP run_cases.ts 12 12-sleep-scheduler/scheduler.ts "name of a case"
 *
 * @module
 */

import { LESSONS } from "../lesson/catalogue.ts";
import type { CaseEvent } from "./verify.ts";

/** How long a program may take, in milliseconds; less than what the first case waits for. */
const PATIENCE = 5000;

const [lesson, script, foundBy] = Deno.args;
const [, name] = /\/(\w+)\.ts$/.exec(script)!;
const place = `./cases/${lesson}_${name}.ts`;
const { cases }: { cases: Record<string, (given: never) => unknown> } = await import(place);

// What a case gets is what a module exports. A lesson's program exports nothing: it is run once,
// and its cases get the lines that it prints.
const { href } = new URL(script, LESSONS);
const given = name === "main" ? await linesOf(import.meta.resolve(href)) : await import(href);
const names = Object.keys(cases);
for (const name of names.toSorted((a, b) => Number(b === foundBy) - Number(a === foundBy))) {
  report({ begins: name });
  try {
    await cases[name](given as never);
  } catch (error) {
    report({ failed: name, saw: (error as Error).message.split("\n")[0] });
    Deno.exit(1);
  }
  report({ passed: name });
}

function report(event: CaseEvent) {
  console.log(JSON.stringify(event));
}

/** What a program prints. One that goes on for too long is ended; then it is what came by then. */
async function linesOf(program: string): Promise<string[]> {
  const args = ["run", "--quiet", "--no-prompt", program];
  const signal = AbortSignal.timeout(PATIENCE);
  const command = new Deno.Command(Deno.execPath(), { args, stderr: "inherit", signal });
  const { stdout } = await command.output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}
