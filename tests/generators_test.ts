/** Lesson 10: a generator and its caller. */

import { assertEquals, assertLess } from "@std/assert";
import { deno, ROOT } from "./processes.ts";

const MAIN = "lessons/10-generators/main.ts";
const { code, stdout, stderr } = await deno(["run", "--no-prompt", MAIN]);
const lines = stdout.trimEnd().split("\n");

Deno.test("10 generators: a generator and its caller print 1, 2, 3, 4 in turn (S11)", () => {
  assertEquals([code, stderr], [0, ""]);
  assertEquals(lines.slice(0, 4), [
    "generator: 1",
    "caller:    2",
    "generator: 3",
    "caller:    4",
  ]);
});

Deno.test("10 generators: values, errors and ends pass between a generator and its caller", () => {
  assertEquals(lines.slice(4, 15), [
    "next()     { value: 0, done: false }",
    "next()     { value: 0, done: false }",
    "next()     { value: 0, done: false }",
    "next()     { value: 0, done: false }",
    "next(4)    { value: 4, done: false }",
    "generator: finally",
    'next(6)    { value: "full", done: true }',
    "generator: finally",
    'throw(…)   { value: "closed: no money", done: true }',
    "generator: finally",
    'return(…)  { value: "given up", done: true }',
  ]);
});

Deno.test("10 generators: finally does not run in one that never began, or is abandoned", () => {
  assertEquals(lines[15], 'return(…)  { value: "never begun", done: true }');
  // Five generators: three have been ended inside their try, and the script has ended since.
  assertEquals(lines.filter((line) => line === "generator: finally").length, 3);
});

Deno.test("10 generators: a generator runs on the stack of its caller", () => {
  assertEquals(lines.slice(16), [
    "alice finds witness < witness.next < alice",
    "bob finds witness < witness.next < bob",
  ]);
});

Deno.test("10 generators: the script has at most 60 lines", () => {
  assertLess(Deno.readTextFileSync(ROOT + MAIN).trimEnd().split("\n").length, 61);
});

Deno.test("10 generators: an option is one line and exit code 2", async () => {
  assertEquals(await deno(["run", "--no-prompt", MAIN, "--seconds", "1"]), {
    code: 2,
    stdout: "",
    stderr: "Unknown option '--seconds' (--help shows the options)\n",
  });
});
