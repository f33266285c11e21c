/**
 * `deno task test [options of deno test]`: all tests, on the packages that can be had.
 *
 * Without options, test files run side by side, as many as there are cores. Those that count the
 * descriptors of their own process run afterwards, one after another, since they would count those
 * of the others as well.
 */

import { deno, packageOptions } from "./packages.ts";

const options = ["test", "-A", ...await packageOptions()];

if (Deno.args.length > 0) Deno.exit(await deno(...options, ...Deno.args));

const files = [...Deno.readDirSync("tests")].map(({ name }) => `tests/${name}`)
  .filter((path) => path.endsWith("_test.ts")).sort();
const { alone = [], together = [] } = Object.groupBy(files, (path) => {
  return Deno.readTextFileSync(path).includes(`from "./sockets.ts"`) ? "alone" : "together";
});
const codes = [await deno(...options, "--parallel", ...together), await deno(...options, ...alone)];
Deno.exit(Math.max(...codes));
