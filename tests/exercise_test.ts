/** `deno task exercise`: that each exercise fails for its reason, and that its solution passes. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { copyOf, solved, unsolved } from "../shared/tools/exercise/copy.ts";
import { unifiedDiff } from "../shared/tools/exercise/diff.ts";
import type { Exercise } from "../shared/tools/exercise/exercise.ts";
import { exercises } from "../shared/tools/exercise/exercises.ts";
import { impossible, verify } from "../shared/tools/exercise/verify.ts";
import { catalogue, LESSONS } from "../shared/tools/lesson/catalogue.ts";
import { ROOT } from "./processes.ts";

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

Deno.test("exercises are numbered within their lesson, and have names of their own", () => {
  const lessons = catalogue.map(({ number }) => number);
  const byLesson = Map.groupBy(exercises, ({ id }) => id.slice(0, 2));
  assertEquals([...byLesson.keys()], lessons.filter((number) => byLesson.has(number)));
  for (const [lesson, own] of byLesson) {
    assertEquals(own.map(({ id }) => id), own.map((_, i) => `${lesson}.${i + 1}`));
  }
  assertEquals(new Set(exercises.map(({ title }) => title)).size, exercises.length);
});

for (const exercise of exercises) {
  const { id, title, script, changes, story, question, hints, explanation, foundBy } = exercise;

  Deno.test(`exercise ${id} changes what is there, and what it says is well formed`, () => {
    const original = Deno.readTextFileSync(new URL(script, LESSONS));
    if (script.startsWith("../")) assertEquals(original.match(/from "\./), null, script);
    else assertStringIncludes(script, `${id.slice(0, 2)}-`);
    let text = original;
    for (const [from, to] of changes) {
      assertEquals(
        text.split(from).length,
        2,
        `${script} does not have this exactly once: ${from}`,
      );
      text = text.replace(from, () => to);
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

  const reason = impossible(exercise);
  const options = {
    ignore: reason !== undefined,
    // A scenario that fails is left where it is, with its connections and timers.
    sanitizeOps: false,
    sanitizeResources: false,
  };
  const skipped = reason === undefined ? "" : ` (skipped: ${reason})`;
  Deno.test({
    ...options,
    name: `exercise ${id}, ${title}: unsolved, it fails for the reason that is given${skipped}`,
    fn: () =>
      withCopy(exercise, unsolved(exercise), async (file) => {
        const { failed, saw, usually } = await verify(exercise, file);
        assertEquals(failed, foundBy, saw);
        assertMatch(saw!, exercise.says);
        if (exercise.explained !== undefined) assertMatch(usually!, exercise.explained);
      }),
  });
  Deno.test({
    ...options,
    name: `exercise ${id}, ${title}: solved, it passes what found the fault${skipped}`,
    fn: () =>
      withCopy(exercise, solved(exercise), async (file) => {
        // That a lesson's server passes all the others is what the conformance suite shows.
        const { failed, saw, passed } = await verify(exercise, file, () => {}, true);
        assertEquals(failed, undefined, saw);
        assert(passed.includes(foundBy), passed.join());
      }),
  });
}

Deno.test("a diff is what patch(1) reads: it turns one text into the other", () => {
  const before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
  const after = "a\nB\nc\nd\ne\nf\ng\nh\ni\nJ\nk\n";
  const diff = unifiedDiff(before, after, "file");
  assertEquals(diff.slice(0, 3), ["--- file", "+++ file", "@@ -1,5 +1,5 @@"]);
  assertEquals(diff.filter((line) => /^[-+](?![-+])/.test(line)), ["-b", "+B", "-j", "+J", "+k"]);
  assertEquals(unifiedDiff(before, before, "file"), []);
});

Deno.test("the list of exercises is complete", async () => {
  const args = ["run", "-A", "shared/tools/exercise/main.ts", "list"];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  const text = new TextDecoder().decode(stdout);
  for (const { id, title } of exercises) assertStringIncludes(text, `${id}  ${title}`);
});
