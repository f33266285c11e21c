/**
 * Every server of the catalogue in every scenario. Each lesson has a file of its own, since Deno
 * runs files side by side, but the tests of a file one after another.
 *
 * @module
 */

import { check, skipReason } from "../../shared/tools/check/check.ts";
import { scenarios } from "../../shared/tools/check/scenarios.ts";
import { subjects, unavailable } from "../../shared/tools/check/subjects.ts";

/** Declares the tests of a lesson's servers. One of them: `--filter "03 nonblocking"`. */
export function testServers(lesson: string): void {
  for (const subject of subjects.filter(({ name }) => name.startsWith(`${lesson} `))) {
    for (const scenario of scenarios) {
      const reason = unavailable(subject) ?? skipReason(subject, scenario);
      Deno.test({
        name: `${subject.name}: the server ${scenario.name}${
          reason === undefined ? "" : ` (left out: ${reason})`
        }`,
        ignore: reason !== undefined,
        fn: () => check(subject, scenario),
      });
    }
  }
}
