/**
 * Lesson 11 · Delegation: the program.
 *
 * `yield*` hands a whole conversation on to another generator: what that one yields goes to the
 * caller, what the caller sends or throws goes to it, and what it returns is the value of `yield*`.
 * Every function between the caller and the one that waits has to write it.
 *
 * Run:  deno run lessons/11-delegation/main.ts
 * Try:  deno task lesson:11
 */

import { parseOptions } from "../../shared/options.ts";

parseOptions({}); // none but --help

console.log("One generator hands on to two others:");
const both = outer();
for (let n = 1, got = both.next(); !got.done; n++) {
  console.log(`  caller: got "${got.value}", sends ${n}`);
  got = both.next(n);
}

function* outer() {
  // Not a word of what is said inside stands here; only what comes of it.
  const a = yield* inner("a");
  console.log(`  outer:  a returned ${a}`);
  const b = yield* inner("b");
  console.log(`  outer:  b returned ${b}`);
}

function* inner(name: string): Generator<string, number, number> {
  const first = yield `${name}, first`;
  const second = yield `${name}, second`;
  return first + second;
}

console.log("An error passes through as well, in and out again:");
const careful = catching();
careful.next();
careful.throw(new Error("no luck"));

function* catching() {
  try {
    yield* cleaning();
  } catch (error) {
    console.log(`  outer:  catches "${(error as Error).message}"`);
  }
}

function* cleaning() {
  try {
    yield; // the caller throws, and the error comes out here
  } finally {
    console.log("  inner:  cleans up");
  }
}

console.log("Each level is put back on the stack for each next(), by the one above it:");
console.log(`  ${top().next().value}`);

function* top() {
  yield* middle();
}

function* middle() {
  yield* bottom();
}

function* bottom() {
  yield new Error().stack!.match(/(?<=at )[\w.]+(?= \()/g)!.join(" < ");
}

console.log("One level forgets the star, or the whole word:");
console.log("  yield* greet()", [...withStar()]);
console.log("  yield greet() ", [...withoutStar()]);
console.log("  greet()       ", [...withoutYield()]);

function* greet() {
  yield "hello";
}

function* withStar() {
  yield* greet();
}

function* withoutStar() {
  yield greet(); // hands out the generator itself, and nobody resumes that
}

// deno-lint-ignore require-yield -- this is the mistake, and the linter sees it
function* withoutYield() {
  greet(); // makes a generator and drops it: nothing of it ever runs
}
