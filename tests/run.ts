/**
 * `deno task test [options of deno test]`: all tests, on the packages that can be had.
 *
 * Without options, test files run side by side, twice as many as there are cores, since most of
 * them wait for a server most of the time; DENO_JOBS chooses another number. Those that count the
 * descriptors of their own process run afterwards, one after another, since they would count those
 * of the others as well. A file that failed beside others runs once more without them, which says
 * whether it was the company, and that decides.
 */

import { userPath } from "../shared/tools/process/files.ts";
import { deno, packageOptions } from "./packages.ts";
import { ROOT } from "./processes.ts";
import { filesBelow } from "./tree.ts";

/** Tests of files that take half a minute and more. */
const LONG = /\/(check|claims|comparison|lesson|note|notices|play_page|tracing|watch)_test\.ts$/;

/** How many files may have failed because of each other. More have another reason. */
const FEW = 5;

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
const report = await Deno.makeTempFile({ suffix: ".xml" });
addEventListener("unload", () => Deno.removeSync(report)); // Ctrl-C, too, leads there

// Deno takes files in folders first, and then the others in this order.
const together = [...long, ...others];
const beside = await deno(...options, "--parallel", `--junit-path=${report}`, ...together);
const codes = [beside, await deno(...options, ...alone)];
const passed = new Set(
  [...Deno.readTextFileSync(report).matchAll(/ name="\.\/(\S+)" .* failures="0">$/gm)]
    .map(([, path]) => path),
);
const failed = beside === 0 ? [] : together.filter((path) => !passed.has(path));
if (failed.length > 0 && failed.length <= FEW) {
  console.log(`\nonce more, with nothing beside: ${failed.join(" ")}\n`);
  codes[0] = await deno(...options, ...failed);
}
Deno.exit(Math.max(...codes));
