/** Lesson 23: both servers in all that a chat room owes its clients, and what both are made of. */

import { check, skipReason } from "../shared/tools/check/check.ts";
import { chatScenarios } from "./chat_scenarios.ts";
import { subjectOf } from "./mutants/mutants.ts";

for (const name of ["23 chat", "23 chat room"]) {
  for (const scenario of chatScenarios) {
    const reason = skipReason(subjectOf(name), scenario);
    Deno.test({
      name: `${name}: the server ${scenario.name}` + (reason ? ` (left out: ${reason})` : ""),
      ignore: reason !== undefined,
      fn: () => check(subjectOf(name), scenario),
    });
  }
}
