/**
 * The proofs of the exercises: each of them fails for its reason, and its solution passes. They are
 * declared in several files, since Deno runs files side by side, but the tests of a file one after
 * another.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { copyOf, placeOf, solved, unsolved } from "../../shared/tools/exercise/copy.ts";
import type { Exercise } from "../../shared/tools/exercise/exercise.ts";
import { exercises } from "../../shared/tools/exercise/exercises.ts";
import { impossible, verify } from "../../shared/tools/exercise/verify.ts";
import { LESSONS } from "../../shared/tools/lesson/catalogue.ts";
import { sideBySide } from "../mutants/mutants.ts";

/** How many are proven side by side: most of the time, they wait for a server that hangs. */
const AT_ONCE = 3;

/** Declares the tests of the exercises of some lessons, from one number to another. */
export function testExercises(from: string, to: string): void {
  const chosen = exercises.filter(({ id }) => id.slice(0, 2) >= from && id.slice(0, 2) <= to);
  for (const exercise of chosen) testText(exercise);
  Deno.test({
    name: `exercises ${from} to ${to}: unsolved, each fails for its reason; solved, it passes`,
    // A scenario that fails is left where it is, with its connections and timers.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: (t) => sideBySide(AT_ONCE, chosen, (exercise) => prove(t, exercise)),
  });
}

function testText(exercise: Exercise): void {
  const { id, title, script, changes, story, question, hints, explanation } = exercise;

  Deno.test(`exercise ${id} changes what is there, and what it says is well formed`, () => {
    const original = Deno.readTextFileSync(new URL(script, LESSONS));
    if (script.startsWith("../")) assertEquals(original.match(/from "\./), null, script);
    else assertStringIncludes(script, `${id.slice(0, 2)}-`);
    let text = original;
    for (const [from, to] of changes) {
      const place = placeOf(text, from);
      for (const part of [place, ...typeof from === "string" ? [] : from.slice(0, 1)]) {
        assertEquals(
          text.split(part).length,
          2,
          `${script} does not have this exactly once: ${part}`,
        );
      }
      text = text.replace(place, () => to);
    }
    assertEquals(new Set(question.answers).size, 3);
    for (const sentence of [story, explanation, ...hints]) {
      assertMatch(sentence, /^[A-Z`].*[.?!]$/s);
    }
    assertMatch(question.asks, /\?$/);
    assertMatch(title, /^[A-Z][^.]*[^.]$/);
    // What a hint names is in the working copy, in the lesson's solution, or is a name of libc's.
    const known = unsolved(exercise) + solved(exercise);
    for (const [, code] of hints.join("\n").matchAll(/`([^`]+)`/g)) {
      for (const word of code.match(/\w+/g)!) assertStringIncludes(known, word, `${id}: ${code}`);
    }
    assert(hints[2].includes("`"), `${id}: the last hint names nothing`);
  });
}

function prove(t: Deno.TestContext, exercise: Exercise): Promise<boolean> {
  const { id, title, foundBy, says, explained } = exercise;
  const reason = impossible(exercise);
  return t.step({
    name: `exercise ${id}, ${title}${reason === undefined ? "" : ` (skipped: ${reason})`}`,
    ignore: reason !== undefined,
    sanitizeOps: false,
    sanitizeResources: false,
    sanitizeExit: false,
    fn: async () => {
      await withCopy(exercise, unsolved(exercise), async (file) => {
        const { failed, saw, usually } = await verify(exercise, file);
        assertEquals(failed, foundBy, saw);
        assertMatch(saw!, says);
        if (explained !== undefined) assertMatch(usually!, explained);
      });
      await withCopy(exercise, solved(exercise), async (file) => {
        // That a lesson's server passes all the others is what the conformance suite shows.
        const { failed, saw, passed } = await verify(exercise, file, () => {}, true);
        assertEquals(failed, undefined, saw);
        assert(passed.includes(foundBy), passed.join());
      });
    },
  });
}

/** Hands over a working copy in a folder of its own, whose imports lead back to its lesson. */
async function withCopy(exercise: Exercise, text: string, use: (file: URL) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "exercise-" });
  try {
    const file = `${folder}/exercise.ts`;
    const imports = text.replace(
      /"(\.\.?\/[^"]*\.ts)"/g,
      (_, path) => JSON.stringify(new URL(path, copyOf(exercise))),
    );
    await Deno.writeTextFile(file, imports);
    await use(pathToFileURL(file));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
