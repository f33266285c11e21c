/**
 * Wrong servers: each is a lesson's own server with one fault, written as an edit. The scenarios
 * have to find each fault, and have to let the same server pass without it.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { check, Failure } from "../../shared/tools/check/check.ts";
import { connect, greet } from "../../shared/tools/check/clients.ts";
import type { Scenario } from "../../shared/tools/check/scenario.ts";
import { scenariosFor } from "../../shared/tools/check/scenarios.ts";
import { Server, type Subject } from "../../shared/tools/check/server.ts";
import { sourcesOf, writeSources } from "../../shared/tools/check/sources.ts";
import { subjects, unavailable } from "../../shared/tools/check/subjects.ts";
import type { Change } from "../../shared/tools/exercise/exercise.ts";

/** A fault of a server, and how it has to be found. */
export interface Edit {
  /** What the server does wrong, as the end of the sentence "a server that …". */
  name: string;
  /** What the script has in some places, and what it gets there instead. */
  changes: readonly Change[];
  /** The scenario that is meant to find it, by its name. */
  foundBy: string;
  /** What the scenario reports: it has to fail because of this fault, and of no other. */
  says: RegExp;
  /** The fault that is named then. */
  explained: RegExp;
  /**
   * How long the scenario may take, in milliseconds, where the fault makes the server hang. The
   * server without the fault has to pass within the same time.
   */
  limit?: number;
  /** It is found by the CPU time or memory that it uses, so nothing else may run meanwhile. */
  alone?: true;
}

/** How long a scenario may take, in milliseconds. What it waits for by itself takes up to 3 s. */
const LIMIT = 6000;

/** How many faults are looked for side by side: more would keep each other from their start. */
export const AT_ONCE = 6;

/** What a server says whose error concerned one client. */
export const ENDED = /the server ended|[Cc]onnection re(set|fused)/;
/** What a client says that waits for something that does not come. */
export const HANGS = /still waiting/;
/** For a scenario that takes 0.1 s: enough on a busy machine, and not too long to wait for. */
export const SHORT = 1500;

/**
 * Declares a test of a server's faults. Some of them are looked for side by side, since most of the
 * time is spent waiting for servers that hang.
 *
 * @param options Options of the server.
 */
export function testEdits(
  server: string,
  edits: readonly Edit[],
  { args = [] }: { args?: readonly string[] } = {},
): void {
  const original = subjectOf(server);
  const subject = { ...original, args: [...original.args ?? [], ...args] };
  const all = scenariosFor(subject);
  const reason = unavailable(subject);
  Deno.test({
    name: `${server}: each fault of the server is found and explained` +
      (reason === undefined ? "" : ` (skipped: ${reason})`),
    ignore: reason !== undefined,
    // A scenario that fails is left where it is, with its connections and timers.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async (t) => {
      function look(edit: Edit) {
        return t.step({
          name: `a server that ${edit.name}`,
          sanitizeOps: false,
          sanitizeResources: false,
          sanitizeExit: false,
          fn: () => isFound(subject, edit, all),
        });
      }
      await sideBySide(AT_ONCE, edits.filter(({ alone }) => !alone), look);
      for (const edit of edits) if (edit.alone) await look(edit);
    },
  });
  for (const { foundBy, limit = LIMIT } of controls(edits)) {
    Deno.test({
      name: `${server}: without a fault, the server ${foundBy} within ${limit} ms`,
      ignore: reason !== undefined,
      fn: () => check(subject, scenarioOf(all, foundBy, limit)),
    });
  }
}

/** Does something to each of the items, to some of them at a time. */
export async function sideBySide<Item>(
  most: number,
  items: readonly Item[],
  use: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = items.values(); // each takes the next one as soon as it is free
  await Promise.all(Array.from({ length: most }, async () => {
    for (const item of left) await use(item);
  }));
}

/** Each scenario once, with the shortest of its limits. */
function controls(edits: readonly Edit[]): Edit[] {
  const sorted = edits.toSorted((a, b) => (b.limit ?? LIMIT) - (a.limit ?? LIMIT));
  return [...new Map(sorted.map((edit) => [edit.foundBy, edit])).values()];
}

async function isFound(subject: Subject, edit: Edit, all: readonly Scenario[]): Promise<void> {
  await withEdit(subject, edit.changes, async (mutant) => {
    await servesOneClient(mutant);
    const scenario = scenarioOf(all, edit.foundBy, edit.limit);
    const error = await assertRejects(() => check(mutant, scenario), Failure);
    assertMatch(error.saw, edit.says);
    assertMatch(error.fault, edit.explained);
  });
}

/** Has to succeed: a server that cannot do anything would be found by every scenario. */
export async function servesOneClient(subject: Subject): Promise<void> {
  await using server = await Server.start(subject);
  using connection = await connect(server);
  await greet(connection, subject);
}

/** Hands over an edited copy of a server and its modules, which is gone afterwards. */
export async function withEdit(
  subject: Subject,
  changes: readonly Change[],
  use: (mutant: Subject) => Promise<void>,
): Promise<void> {
  const folder = pathToFileURL(`${await Deno.makeTempDir({ prefix: "mutant-" })}/`);
  try {
    writeSources(edited(subject.script, changes), folder);
    await use({ ...subject, script: new URL(subject.script.href.split("/").at(-1)!, folder) });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The texts of a script and of the modules beside it, one of which has each of the changes. */
function edited(script: URL, changes: readonly Change[]): Map<string, string> {
  const sources = sourcesOf(script); // the script itself is the first
  for (const [from, to] of changes) {
    const found = [...sources].find(([, text]) => text.includes(from));
    assert(found !== undefined, `neither ${script} nor its modules have this: ${from}`);
    const [file, text] = found;
    assertEquals(text.split(from).length, 2, `${file} has this more than once: ${from}`);
    sources.set(file, text.replace(from, () => to));
  }
  return sources;
}

/** A server of the catalogue, by its name. */
export function subjectOf(server: string): Subject {
  const subject = subjects.find(({ name }) => name === server);
  assert(subject !== undefined, `there is no server "${server}"`);
  return subject;
}

function scenarioOf(all: readonly Scenario[], name: string, limit = LIMIT): Scenario {
  const scenario = all.find((scenario) => scenario.name === name);
  assert(scenario !== undefined, `there is no scenario "${name}"`);
  return { ...scenario, limit };
}
