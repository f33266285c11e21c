/**
 * Lesson 17 · What people say: the program.
 *
 * Lists claims about I/O models, or tries them. Each claim has an experiment, a script in this
 * folder that measures and judges. For one claim this prints everything, for several the verdicts.
 *
 * Run:  deno run -A lessons/17-claims/main.ts
 * Try:  deno run -A lessons/17-claims/main.ts C6
 */

import { parseArgs } from "node:util";
import { refuse } from "../../shared/options.ts";
import { type Claim, claims } from "./claims.ts";
import { verdictOf } from "./verdict.ts";

const chosen = choose(Deno.args);

if (chosen.length === 0) list();
else if (chosen.length === 1) await import(new URL(chosen[0].script, import.meta.url).href);
else await judge(chosen);

/** The claims that the command line names; one line and exit code 2 if it is wrong. */
function choose(args: string[]): readonly Claim[] {
  try {
    const options = { all: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (values.help) {
      console.log(`${claims[0].id} to ${claims.at(-1)!.id}  try this claim, or several of them`);
      console.log("--all      try all of them");
      Deno.exit(0);
    }
    return values.all ? claims : positionals.map(claimOf);
  } catch (error) {
    refuse(error as Error);
  }
}

function claimOf(name: string): Claim {
  const found = claims.find(({ id }) => id === name.toUpperCase());
  if (found === undefined) throw new Error(`there is no claim "${name}"`);
  return found;
}

function list() {
  for (const { id, claim } of claims) console.log(`${id.padEnd(3)}  ${claim}`);
  console.log("\ndeno task lesson:17 C6 tries one of them, --all tries all");
}

/** Runs several experiments, one after another, each in a process of its own. */
async function judge(claims: readonly Claim[]) {
  for (const { id, claim, script, permissions } of claims) {
    const path = new URL(script, import.meta.url).href;
    const args = ["run", "--quiet", "--no-prompt", ...permissions, path];
    const experiment = new Deno.Command(Deno.execPath(), { args, stderr: "inherit" });
    const { code, stdout } = await experiment.output();
    const verdict = verdictOf(new TextDecoder().decode(stdout));
    console.log(`${id.padEnd(3)}  ${claim}\n       ${verdict ?? `failed with exit code ${code}`}`);
    if (verdict === undefined) Deno.exitCode = 1;
  }
}
