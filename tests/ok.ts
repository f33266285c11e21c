/** `deno task ok`: format, style, types, documentation and its examples. */

import { deno, packageOptions, whyNoCharts } from "./packages.ts";
import { ROOT } from "./processes.ts";
import { scriptsBelow } from "./tree.ts";

Deno.chdir(ROOT); // wherever this was called from

const options = await packageOptions();
const modules = [...scriptsBelow("shared"), ...scriptsBelow("lessons").filter(isModule)];
const commands = [
  ["fmt", "--check", "--quiet"],
  ["lint", "--quiet"],
  ["check", "--quiet", ...options, ...await typed()],
  ["doc", "--lint", "--quiet", ...modules.filter((path) => !needsPackage(path))],
  ["test", "-A", "--doc", "--quiet", ...options, ...modules.filter(hasExamples)],
];

for (const command of commands) {
  const code = await deno(...command);
  if (code !== 0) {
    console.error(`failed: deno ${command.slice(0, 2).join(" ")}`);
    Deno.exit(code);
  }
}

/** What can be checked: everything, unless the packages that draw charts are missing. */
async function typed(): Promise<string[]> {
  const reason = await whyNoCharts();
  if (reason === undefined) return ["."];
  const scripts = ["lessons/16-comparison/charts.ts", "lessons/16-comparison/main.ts"];
  console.log(`the types in ${scripts.join(" and ")} are not checked, since ${reason}`);
  return ["lessons", "shared", "tests"].flatMap(scriptsBelow)
    .filter((path) => !scripts.includes(path));
}

/** Whether it speaks of a package's types, for whose documentation others have to care. */
function needsPackage(path: string): boolean {
  return Deno.readTextFileSync(path).includes(' from "npm:');
}

/** Whether something else imports it; a script has no public names. */
function isModule(path: string): boolean {
  return Deno.readTextFileSync(path).includes(" * @module\n");
}

/** Whether there is something to test; a script without an example would just be run. */
function hasExamples(path: string): boolean {
  return Deno.readTextFileSync(path).includes("@example");
}
