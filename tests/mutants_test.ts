/** Whether the conformance suite can fail: it has to find each fault of the wrong servers. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, say } from "../shared/tools/check/clients.ts";
import { check, Failure, type Scenario, scenarios } from "../shared/tools/check/scenarios.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";
import { subjects, unavailable } from "../shared/tools/check/subjects.ts";
import { edits } from "./mutants/edits.ts";
import { mutations } from "./mutants/mutations.ts";

const script = new URL("./mutants/server.ts", import.meta.url);

function mutant(mutation: string): Subject {
  return { name: mutation, script, permissions: ["--allow-ffi"], args: ["--mutation", mutation] };
}

/**
 * For the faults that make a server hang; a right one needs a second at the most, unless the
 * scenario sets a limit of its own. What a scenario waits for by itself, up to two seconds, has to
 * end before that, since it says more.
 */
const LIMIT = 3500;

function scenarioOf(name: string): Scenario {
  const scenario = scenarios.find((scenario) => scenario.name === name);
  assert(scenario !== undefined, `there is no scenario "${name}"`);
  return scenario;
}

for (const { name, foundBy, says, explained } of mutations) {
  Deno.test({
    name: `a server that ${name} is found and explained, by: ${foundBy}`,
    // A scenario that fails is left where it stands, with its connections and timers.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await servesOneClient(mutant(name));
      const error = await assertRejects(
        () => check(mutant(name), { limit: LIMIT, ...scenarioOf(foundBy) }),
        Failure,
      );
      assertMatch(error.message, says);
      assertMatch(error.fault, explained);
    },
  });
}

/** Has to succeed: a mutant that cannot do anything would be found by every scenario. */
async function servesOneClient(subject: Subject): Promise<void> {
  await using server = await Server.start(subject);
  using connection = await connect(server);
  await say(connection);
}

Deno.test("a server that never says where it listens is given up, and ended", async () => {
  const [scenario] = scenarios;
  const error = await assertRejects(() => check(mutant("never-listens"), scenario), Error);
  assertMatch(error.message, /did not say where it listens/);
});

for (const name of new Set(mutations.map(({ foundBy }) => foundBy))) {
  Deno.test(`the same server without a fault ${name}`, async () => {
    await check(mutant("none"), scenarioOf(name));
  });
}

for (const { name, folder, args = [], change: [from, to], foundBy } of edits) {
  const subject = subjects.find((subject) => subject.name.startsWith(folder.replace("-", " ")))!;
  const reason = unavailable(subject);
  Deno.test({
    name: `a server of ${folder} that ${name} is found, by: ${foundBy}` +
      (reason === undefined ? "" : ` (skipped: ${reason})`),
    ignore: reason !== undefined,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const right = await Deno.readTextFile(subject.script);
      assertEquals(right.split(from).length, 2, "the server no longer has the line in question");
      const wrong = right.replace(from, to)
        .replaceAll("../../shared/", new URL("../shared/", import.meta.url).href);
      const script = await Deno.makeTempFile({ suffix: ".ts" });
      await Deno.writeTextFile(script, wrong);
      const mutant = { ...subject, script: new URL(script, "file:"), args };
      await servesOneClient(mutant);
      await assertRejects(() => check(mutant, { ...scenarioOf(foundBy), limit: 2000 }), Error);
      await Deno.remove(script);
    },
  });
}
