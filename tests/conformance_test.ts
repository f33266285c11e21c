/**
 * Every server of the catalogue in every scenario. One of them: `--filter "03 nonblocking"`.
 */

import { check, excuse, scenarios } from "../shared/tools/check/scenarios.ts";
import { subjects, unavailable } from "../shared/tools/check/subjects.ts";

for (const subject of subjects) {
  const reason = unavailable(subject);
  for (const scenario of scenarios) {
    const excused = reason ?? excuse(subject, scenario);
    Deno.test({
      name: `${subject.name}: the server ${scenario.name}${
        excused ? ` (excused: ${excused})` : ""
      }`,
      ignore: excused !== undefined,
      fn: () => check(subject, scenario),
    });
  }
}
