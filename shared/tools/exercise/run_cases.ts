/**
 * Runs the cases of a lesson, the one that is meant to find a fault first, until one of them fails.
 *
 *     deno run -A --import-map MAP run_cases.ts 12 12-sleep-scheduler/scheduler.ts "name of a case"
 *
 * @module
 */

import { LESSONS } from "../lesson/catalogue.ts";
import type { CaseEvent } from "./verify.ts";

const [lesson, script, foundBy] = Deno.args;
const [, name] = /\/(\w+)\.ts$/.exec(script)!;
const place = `./cases/${lesson}_${name}.ts`;
// What a case gets is what the module exports.
const { cases }: { cases: Record<string, (module: never) => unknown> } = await import(place);

const module = await import(new URL(script, LESSONS).href);
const names = Object.keys(cases);
for (const name of names.toSorted((a, b) => Number(b === foundBy) - Number(a === foundBy))) {
  report({ begins: name });
  try {
    await cases[name](module as never);
  } catch (error) {
    report({ failed: name, saw: (error as Error).message.split("\n")[0] });
    Deno.exit(1);
  }
  report({ passed: name });
}

function report(event: CaseEvent) {
  console.log(JSON.stringify(event));
}
