/**
 * Wrong servers: each is a lesson's own server with one fault, written as an edit. The scenarios
 * have to find each fault, and have to let the same server pass without it.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { check, Failure } from "../../shared/tools/check/check.ts";
import { connect, say } from "../../shared/tools/check/clients.ts";
import type { Scenario } from "../../shared/tools/check/scenario.ts";
import { scenariosFor } from "../../shared/tools/check/scenarios.ts";
import { Server, type Subject } from "../../shared/tools/check/server.ts";
import { subjects, unavailable } from "../../shared/tools/check/subjects.ts";

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

/**
 * What a script has in one place, and what it gets there instead: the server, or another file
 * beside it, which the server names.
 */
export type Change = readonly [from: string, to: string, file?: string];

/** How long a scenario may take, in milliseconds. What it waits for by itself takes up to 3 s. */
const LIMIT = 6000;

/** What a server says whose error concerned one client. */
export const ENDED = /the server ended|[Cc]onnection re(set|fused)/;
/** What a client says that waits for something that does not come. */
export const HANGS = /still waiting/;
/** For a scenario that takes 0.1 s: enough on a busy machine, and not too long to wait for. */
export const SHORT = 1500;

/**
 * Declares a test of a server's faults. Most of them are looked for side by side, since most of the
 * time is spent waiting for servers that hang.
 */
export function testEdits(server: string, edits: readonly Edit[]): void {
  const subject = subjectOf(server);
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
          fn: () => isFound(subject, edit),
        });
      }
      await Promise.all(edits.filter(({ alone }) => !alone).map(look));
      for (const edit of edits) if (edit.alone) await look(edit);
    },
  });
  for (const { foundBy, limit = LIMIT } of controls(edits)) {
    Deno.test({
      name: `${server}: without a fault, the server ${foundBy} within ${limit} ms`,
      ignore: reason !== undefined,
      fn: () => check(subject, scenarioOf(foundBy, limit)),
    });
  }
}

/** Each scenario once, with the shortest of its limits. */
function controls(edits: readonly Edit[]): Edit[] {
  const sorted = edits.toSorted((a, b) => (b.limit ?? LIMIT) - (a.limit ?? LIMIT));
  return [...new Map(sorted.map((edit) => [edit.foundBy, edit])).values()];
}

async function isFound(subject: Subject, edit: Edit): Promise<void> {
  await withEdit(subject, edit.changes, async (mutant) => {
    await servesOneClient(mutant);
    const scenario = scenarioOf(edit.foundBy, edit.limit);
    const error = await assertRejects(() => check(mutant, scenario), Failure);
    assertMatch(error.saw, edit.says);
    assertMatch(error.fault, edit.explained);
  });
}

/** Has to succeed: a server that cannot do anything would be found by every scenario. */
async function servesOneClient(subject: Subject): Promise<void> {
  await using server = await Server.start(subject);
  using connection = await connect(server);
  await say(connection);
}

/** Hands over an edited copy of a server, which is gone afterwards. */
export async function withEdit(
  subject: Subject,
  changes: readonly Change[],
  use: (mutant: Subject) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mutant-" });
  try {
    const script = pathToFileURL(`${folder}/server.ts`);
    const files = new Set(changes.flatMap(([, , file]) => file ?? []));
    for (const file of files) {
      const own = changes.filter((change) => change[2] === file);
      const text = edited(new URL(file, subject.script), own);
      await Deno.writeTextFile(new URL(file, script), text);
    }
    const own = changes.filter(([, , file]) => file === undefined);
    await Deno.writeTextFile(script, edited(subject.script, own, files));
    await use({ ...subject, script });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * The text of a script with some changes, and with imports that lead back to where it was, unless
 * they name files that are `beside` it.
 */
function edited(
  script: URL,
  changes: readonly Change[],
  beside: ReadonlySet<string> = new Set(),
): string {
  let text = Deno.readTextFileSync(script);
  for (const [from, to] of changes) {
    assertEquals(text.split(from).length, 2, `${script} does not have this exactly once: ${from}`);
    text = text.replace(from, () => to);
  }
  return text.replace(
    /"(\.\.?\/[^"]*\.ts)"/g,
    (all, path) => beside.has(path) ? all : JSON.stringify(new URL(path, script)),
  );
}

/** A server of the catalogue, by its name. */
export function subjectOf(server: string): Subject {
  const subject = subjects.find(({ name }) => name === server);
  assert(subject !== undefined, `there is no server "${server}"`);
  return subject;
}

function scenarioOf(name: string, limit = LIMIT): Scenario {
  const all = scenariosFor({ processes: true });
  const scenario = all.find((scenario) => scenario.name === name);
  assert(scenario !== undefined, `there is no scenario "${name}"`);
  return { ...scenario, limit };
}
