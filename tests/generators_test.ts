/** Lessons 10 and 11: what the programs print is what generators do. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { deno } from "./processes.ts";

/** The lines that a program prints below one of its headings. */
async function linesBelow(script: string, heading: string): Promise<string[]> {
  const { code, stdout, stderr } = await deno(["run", "--no-prompt", script]);
  assertEquals([code, stderr], [0, ""]);
  const blocks = stdout.trimEnd().split(/\n(?! )/).map((block) => block.split("\n"));
  const block = blocks.find(([first]) => first === heading);
  return block!.slice(1).map((line) => line.trim());
}

const GENERATORS = "lessons/10-generators/main.ts";

Deno.test("10 generators: the generator and its caller take turns", async () => {
  assertEquals(await linesBelow(GENERATORS, "taking turns"), [
    "1 the generator",
    "2 the caller",
    "3 the generator",
    "4 the caller",
  ]);
});

Deno.test("10 generators: values go in and out, and a result comes at the end", async () => {
  const heading = "values go both ways, and at the end there is a result";
  assertEquals(await linesBelow(GENERATORS, heading), [
    `{ value: "one number, please", done: false }`,
    `{ value: "3, and another one", done: false }`,
    "{ value: 7, done: true }",
  ]);
});

Deno.test("10 generators: an error is caught inside, and finally is honoured", async () => {
  const heading = "throw() and return() reach the place where it stands";
  assertEquals(await linesBelow(GENERATORS, heading), [
    `{ value: "caught: thrown in from outside", done: false }`,
    "finally: what was opened is closed",
    `{ value: "enough", done: true }`,
  ]);
});

Deno.test("10 generators: one generator stands on the stacks of two callers", async () => {
  const heading = "it has no stack of its own, and stands on that of whoever calls next()";
  const [first, second] = await linesBelow(GENERATORS, heading);
  assertEquals(first, "whereAmI on whereAmI.next on anna");
  assertEquals(second, "whereAmI on whereAmI.next on boris");
});

const DELEGATION = "lessons/11-delegation/main.ts";

Deno.test("11 delegation: the outer one hands on two, and gets what they return", async () => {
  const heading = "two generators, handed on by a third, with what they return";
  const lines = await linesBelow(DELEGATION, heading);
  assertEquals(lines, ["a", "b", "1", "2", "3", "2 letters and 3 numbers"]);
});

Deno.test("11 delegation: what is sent or thrown in goes to the innermost one", async () => {
  const lines = await linesBelow(DELEGATION, "what is sent or thrown in goes to the innermost one");
  assertEquals(lines, [
    "the inner one asks for a word",
    "the inner one got: hello",
    "the inner one caught: no more",
    "the outer one caught: thrown by the inner one",
  ]);
});

Deno.test("11 delegation: a level that forgets the star breaks the chain", async () => {
  const lines = await linesBelow(DELEGATION, "one level forgets it, and the pause ends there");
  assertEquals(lines, ["before", "[object Generator]", "after"]);
});

Deno.test("11 delegation: the type checker finds a missing star", async () => {
  const source = await Deno.readTextFile(new URL(`../${DELEGATION}`, import.meta.url));
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, source.replace("[yield* letters(),", "[yield letters(),"));
    const { code, stderr } = await deno(["check", path]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "is not assignable to type 'string'");
  } finally {
    await Deno.remove(path);
  }
});
