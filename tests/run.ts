/**
 * `deno task test [options of deno test]`: all tests, on the packages that can be had.
 *
 * Without options, test files run side by side, twice as many as there are cores, since most of
 * them wait for a server most of the time; DENO_JOBS chooses another number. Those that count the
 * descriptors of their own process run afterwards, one after another, since they would count those
 * of the others as well.
 */

import { userPath } from "../shared/tools/process/files.ts";
import { deno, packageOptions } from "./packages.ts";
import { ROOT } from "./processes.ts";
import { filesBelow } from "./tree.ts";

const options = ["test", "-A", ...await packageOptions()];

if (Deno.args.length > 0) {
  // The tests run in the root of the project, wherever this was called from.
  const args = Deno.args.map((arg) => /^[^-].*\.ts$/.test(arg) ? userPath(arg) : arg);
  Deno.exit(await deno(...options, ...args));
}

const files = filesBelow("tests").filter((path) => path.endsWith("_test.ts"));
const { alone = [], together = [] } = Object.groupBy(files, (path) => {
  return Deno.readTextFileSync(ROOT + path).includes(`from "./sockets.ts"`) ? "alone" : "together";
});
if (!Deno.env.has("DENO_JOBS")) {
  Deno.env.set("DENO_JOBS", String(2 * navigator.hardwareConcurrency));
}
const codes = [await deno(...options, "--parallel", ...together), await deno(...options, ...alone)];
Deno.exit(Math.max(...codes));
