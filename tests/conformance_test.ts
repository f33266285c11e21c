/**
 * Every server of the catalogue in every scenario. One of them: `--filter "03 nonblocking"`.
 */

import { catalogue } from "../shared/lesson/catalogue.ts";
import { LESSONS } from "../shared/lesson/run.ts";
import { check, excuse, scenarios } from "./conformance/scenarios.ts";
import type { Subject } from "./conformance/server.ts";

for (const { folder, server } of catalogue) {
  const subject: Subject = {
    name: folder.replace("-", " "),
    script: new URL(`${folder}/server.ts`, LESSONS),
    ...server,
  };
  for (const scenario of scenarios) {
    const excused = excuse(subject, scenario);
    Deno.test({
      name: `${subject.name}: the server ${scenario.name}${
        excused ? ` (excused: ${excused})` : ""
      }`,
      ignore: excused !== undefined,
      fn: () => check(subject, scenario),
    });
  }
}
