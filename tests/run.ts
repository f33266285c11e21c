/** `deno task test [options of deno test]`: all tests, on the packages that can be had. */

import { deno, packageOptions } from "./packages.ts";

Deno.exit(await deno("test", "-A", ...await packageOptions(), ...Deno.args));
