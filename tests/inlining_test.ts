/** `lessons/16-comparison/inlining.ts`: what lesson 16 says about the speed of `shout`. */

import { assertMatch } from "@std/assert";
import { deno } from "./processes.ts";

Deno.test({
  name: "16 comparison: inlined, the loop over bytes is slow, and the one over words is not",
  retry: 2, // a busy machine can slow down one of the two for as long as they are measured
  async fn() {
    const { stdout } = await deno(["run", "--allow-run", "lessons/16-comparison/inlining.ts"]);
    assertMatch(stdout, /^by bytes: inlining makes it \d+\.\d times as slow$/m);
    assertMatch(stdout, /^by words: inlining hardly matters$/m);
  },
});
