/** The proxies of lesson 24 between two sides that misbehave, and what splice does and does not. */

import { subjects } from "../shared/tools/check/subjects.ts";
import { cases, silent } from "./proxies.ts";

for (const proxy of subjects.filter(({ behind }) => behind !== undefined)) {
  for (const { name, run } of [...cases, silent]) {
    Deno.test(`${proxy.name}: the proxy ${name}`, () => run(proxy));
  }
}
