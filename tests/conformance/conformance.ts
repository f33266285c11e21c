/**
 * Every server of the catalogue in every scenario. Each lesson has a file of its own, since Deno
 * runs files side by side, but the tests of a file one after another.
 *
 * @module
 */

import { check, checkAddress, skipReason } from "../../shared/tools/check/check.ts";
import type { Scenario } from "../../shared/tools/check/scenario.ts";
import { scenarios, scenariosFor } from "../../shared/tools/check/scenarios.ts";
import { Server, type Subject } from "../../shared/tools/check/server.ts";
import { subjects, unavailable } from "../../shared/tools/check/subjects.ts";

/** Declares the tests of a lesson's servers. One of them: `--filter "03 nonblocking"`. */
export function testServers(lesson: string): void {
  for (const subject of subjects.filter(({ name }) => name.startsWith(`${lesson} `))) {
    const reason = unavailable(subject);
    Deno.test({
      name: `${subject.name}: one server serves all kinds of clients` +
        (reason === undefined ? "" : ` (left out: ${reason})`),
      ignore: reason !== undefined,
      fn: (t) => testVisits(t, subject),
    });
    for (const scenario of scenariosFor(subject)) {
      if (scenario.inspects) testAlone(subject, scenario, reason ?? skipReason(subject, scenario));
    }
  }
}

/** What needs no more than an address is done to one server, which saves the start of others. */
async function testVisits(t: Deno.TestContext, subject: Subject): Promise<void> {
  await using server = await Server.start(subject);
  for (const scenario of scenarios) {
    if (scenario.inspects) continue;
    const reason = skipReason(subject, scenario);
    await t.step({
      name: `the server ${scenario.name}${reason === undefined ? "" : ` (left out: ${reason})`}`,
      ignore: reason !== undefined,
      // The server's output is read meanwhile. What is left open is found at the end.
      sanitizeOps: false,
      sanitizeResources: false,
      fn: () => checkAddress(server, scenario),
    });
  }
}

/** What needs the process as well gets a server of its own. */
function testAlone(subject: Subject, scenario: Scenario, reason: string | undefined): void {
  Deno.test({
    name: `${subject.name}: the server ${scenario.name}` +
      (reason === undefined ? "" : ` (left out: ${reason})`),
    ignore: reason !== undefined,
    fn: () => check(subject, scenario),
  });
}
