/**
 * `deno task test [options of deno test]`: all tests, on the packages that can be had.
 *
 * Without options, test files run side by side, twice as many as there are cores, since most of
 * them wait for a server most of the time; DENO_JOBS chooses another number. Those that count the
 * descriptors of their own process run afterwards, one after another, since they would count those
 * of the others as well. A file that failed beside others runs once more without them, which says
 * whether it was the company, and that decides.
 */

import { stripVTControlCharacters } from "node:util";
import { userPath } from "../shared/tools/process/files.ts";
import { deno, denoByLine, packageOptions } from "./packages.ts";
import { ROOT } from "./processes.ts";
import { filesBelow } from "./tree.ts";

/** Tests of files that take half a minute and more. */
const LONG = /\/(check|claims|comparison|lesson|note|notices|play_page|tracing|watch)_test\.ts$/;

/** How many files may have failed because of each other. More have another reason. */
const FEW = 5;

/** What Deno prints of a failed test or step, and of a file that failed outside of its tests. */
const FAILED = /^(?:Uncaught error from )?(\.\/\S+_test\.ts)(?: => .* \.\.\.)? FAILED/;

/** What it prints at the end: how many tests, and how many of their steps. */
const FAILURES = /^FAILED \|.* (\d+) failed(?: \((\d+) steps?\))?/;

const options = ["test", "-A", ...await packageOptions()];

if (Deno.args.length > 0) {
  // The tests run in the root of the project, wherever this was called from.
  const args = Deno.args.map((arg) => /^[^-].*\.ts$/.test(arg) ? userPath(arg) : arg);
  Deno.exit(await deno(...options, ...args));
}

const files = filesBelow("tests").filter((path) => path.endsWith("_test.ts"));
const { alone = [], long = [], others = [] } = Object.groupBy(files, (path) => {
  if (Deno.readTextFileSync(ROOT + path).includes(`from "./sockets.ts"`)) return "alone";
  return LONG.test(path) ? "long" : "others";
});
if (!Deno.env.has("DENO_JOBS")) {
  Deno.env.set("DENO_JOBS", String(2 * navigator.hardwareConcurrency));
}
const failed = new Set<string>();
let unknown = 0; // failures whose file is not known
// Deno takes files in folders first, and then the others in this order.
const beside = await denoByLine([...options, "--parallel", ...long, ...others], (line) => {
  const text = stripVTControlCharacters(line);
  const [, file] = FAILED.exec(text) ?? [];
  if (file !== undefined) {
    failed.add(file);
    unknown--;
  }
  const [, tests = 0, steps = 0] = FAILURES.exec(text) ?? [];
  unknown += Number(tests) + Number(steps);
});
const codes = [beside, await deno(...options, ...alone)];
if (failed.size > 0 && failed.size <= FEW && unknown === 0) {
  console.log(`\nonce more, with nothing beside: ${[...failed].join(" ")}\n`);
  codes[0] = await deno(...options, ...failed);
}
Deno.exit(Math.max(...codes));
