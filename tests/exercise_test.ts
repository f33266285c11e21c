/** `deno task exercise`: the list of exercises, and its parts. The proofs are in exercises/. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { unifiedDiff } from "../shared/tools/exercise/diff.ts";
import { exercises } from "../shared/tools/exercise/exercises.ts";
import { catalogue } from "../shared/tools/lesson/catalogue.ts";
import { ROOT } from "./processes.ts";

Deno.test("exercises are numbered within their lesson, and have names of their own", () => {
  const lessons = catalogue.map(({ number }) => number);
  const byLesson = Map.groupBy(exercises, ({ id }) => id.slice(0, 2));
  assertEquals([...byLesson.keys()], lessons.filter((number) => byLesson.has(number)));
  for (const [lesson, own] of byLesson) {
    assertEquals(own.map(({ id }) => id), own.map((_, i) => `${lesson}.${i + 1}`));
  }
  assertEquals(new Set(exercises.map(({ title }) => title)).size, exercises.length);
});

Deno.test("every exercise is put to the proof in some file", async () => {
  const folder = `${ROOT}tests/exercises/`;
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const ranges = await Promise.all(
    names.filter((name) => name.endsWith("_test.ts")).map((name) =>
      Deno.readTextFile(folder + name)
    ),
  );
  const proven = ranges.flatMap((text) => {
    const [, from, to] = /testExercises\("(\d\d)", "(\d\d)"\)/.exec(text)!;
    return exercises.map(({ id }) => id).filter((id) =>
      id.slice(0, 2) >= from && id.slice(0, 2) <= to
    );
  });
  assertEquals(proven.toSorted(), exercises.map(({ id }) => id).toSorted());
});

for (const { number, folder } of catalogue) {
  Deno.test(`each "Try next" of lesson ${number} is an exercise, or has an answer`, () => {
    const readme = Deno.readTextFileSync(`${ROOT}lessons/${folder}/README.md`);
    const section = readme.slice(readme.indexOf("## Try next"));
    for (const [, id] of section.matchAll(/exercise\s+(\d\d\.\d+)/g)) {
      assert(exercises.some((exercise) => exercise.id === id), `there is no exercise ${id}`);
    }
    const [asked, fold = ""] = section.split("<details>");
    const questions = asked.split(/^\d\. /m).slice(1).filter((item) =>
      !item.includes(" exercise ")
    );
    // A fold has numbers if it answers several.
    const answers = fold.split("</details>")[0].match(/^\d\. /gm)?.length ?? (fold === "" ? 0 : 1);
    assert(questions.length <= answers, `${questions.length} questions, ${answers} answers`);
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
