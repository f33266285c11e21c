/**
 * Every server of the catalogue in every scenario. One of them: `--filter "03 nonblocking"`.
 */

import { catalogue } from "../shared/lesson/catalogue.ts";
import { LESSONS } from "../shared/lesson/run.ts";
import { check, excuse, scenarios } from "./conformance/scenarios.ts";
import type { Subject } from "./conformance/server.ts";

const subjects = catalogue.flatMap(({ folder, server }) =>
  [[], ...server.variants ?? []].map((args): Subject => ({
    name: [folder.replace("-", " "), ...args].join(" "),
    script: new URL(`${folder}/server.ts`, LESSONS),
    args,
    ...server,
  }))
);

for (const subject of subjects) {
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
