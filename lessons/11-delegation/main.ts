/**
 * Lesson 11 · Delegation: the program.
 *
 * `yield*` delegates to another generator: its values go straight to the caller, whatever the
 * caller sends or throws goes to it, and its return value becomes the value of `yield*`. Every
 * function between the caller and the one that waits has to write it.
 *
 * Run:  deno run lessons/11-delegation/main.ts
 * Try:  deno task lesson:11
 */

import { parseOptions } from "../../shared/options.ts";

parseOptions({}); // none but --help

console.log("One generator delegates to two others:");
const both = outer();
for (let n = 1, got = both.next(); !got.done; n++) {
  console.log(`  caller: got "${got.value}", sends ${n}`);
  got = both.next(n);
}

function* outer() {
  // Nothing of the conversation shows here, only its results.
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

console.log("An error passes through, too, in and out again:");
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
    yield; // the caller's error is thrown here
  } finally {
    console.log("  inner:  cleans up");
  }
}

console.log("Each next() puts all levels back on the stack:");
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

console.log("One level forgets the star, or yield* altogether:");
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
  // deno-lint-ignore delegation/yield-star
  yield greet(); // hands out the generator itself, which nothing ever resumes
}

// deno-lint-ignore require-yield -- the mistake itself, which the linter sees
function* withoutYield() {
  // deno-lint-ignore delegation/yield-star
  greet(); // makes a generator and drops it: none of its code ever runs
}
