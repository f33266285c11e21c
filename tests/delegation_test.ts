/** Lesson 11: generators that delegate to others. */

import { assertEquals } from "@std/assert";
import { deno } from "./processes.ts";

const MAIN = "lessons/11-delegation/main.ts";
const { code, stdout, stderr } = await deno(["run", "--no-prompt", MAIN]);

/** What it printed below a heading. */
function below(heading: string): string[] {
  const lines = stdout.trimEnd().split("\n");
  const rest = lines.slice(lines.indexOf(heading) + 1);
  const end = rest.findIndex((line) => !line.startsWith("  "));
  return rest.slice(0, end === -1 ? undefined : end).map((line) => line.slice(2));
}

Deno.test("11 delegation: values go in and out of two generators through a third (S12)", () => {
  assertEquals([code, stderr], [0, ""]);
  assertEquals(below("One generator delegates to two others:"), [
    'caller: got "a, first", sends 1',
    'caller: got "a, second", sends 2',
    "outer:  a returned 3",
    'caller: got "b, first", sends 3',
    'caller: got "b, second", sends 4',
    "outer:  b returned 7",
  ]);
});

Deno.test("11 delegation: an error goes in to the inner generator, and out again", () => {
  assertEquals(below("An error passes through, too, in and out again:"), [
    "inner:  cleans up",
    'outer:  catches "no luck"',
  ]);
});

Deno.test("11 delegation: every level is on the stack while the inner one runs", () => {
  assertEquals(below("Each next() puts all levels back on the stack:"), [
    "bottom < bottom.next < middle < middle.next < top < top.next",
  ]);
});

Deno.test("11 delegation: without the star, the inner generator never runs", () => {
  assertEquals(below("One level forgets the star, or yield* altogether:"), [
    'yield* greet() [ "hello" ]',
    "yield greet()  [ Object [Generator] {} ]",
    "greet()        []",
  ]);
});

Deno.test("11 delegation: an argument is one line and exit code 2", async () => {
  assertEquals(await deno(["run", "--no-prompt", MAIN, "12"]), {
    code: 2,
    stdout: "",
    stderr: "Unexpected argument '12' (--help shows the options)\n",
  });
});
