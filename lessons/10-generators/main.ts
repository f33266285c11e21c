/**
 * Lesson 10 · Generators: the program.
 *
 * `yield` lets a function stop in its middle. Its caller goes on, and later lets it go on as well,
 * from where it stood, with all its variables. Two pieces of code take turns, on one thread.
 *
 * Run:  deno run lessons/10-generators/main.ts
 * Try:  swap two lines of the caller, and say what will be printed before you run it
 */

console.log("taking turns");
const turns = takeTurns(); // runs nothing yet
turns.next();
console.log("  2 the caller");
turns.next();
console.log("  4 the caller");

function* takeTurns() {
  console.log("  1 the generator");
  yield;
  console.log("  3 the generator");
}

console.log("values go both ways, and at the end there is a result");
const adder = add();
console.log(" ", adder.next()); // up to the first yield, where nobody waits for a value yet
console.log(" ", adder.next(3));
console.log(" ", adder.next(4));

function* add(): Generator<string, number, number> {
  const a = yield "one number, please";
  const b = yield `${a}, and another one`;
  return a + b;
}

console.log("throw() and return() reach the place where it stands");
const careful = takeCare();
careful.next();
console.log(" ", careful.throw(new Error("thrown in from outside")));
console.log(" ", careful.return("enough"));

function* takeCare(): Generator<string, string> {
  try {
    yield "in the middle of something";
  } catch (error) {
    yield `caught: ${(error as Error).message}`;
  } finally {
    console.log("  finally: what was opened is closed");
  }
  return "the end";
}

console.log("it has no stack of its own, and stands on that of whoever calls next()");
const place = whereAmI();
const callers = { anna: () => place.next(), boris: () => place.next() };
for (const call of Object.values(callers)) console.log(`  ${call().value}`);

function* whereAmI(): Generator<string, never> {
  while (true) yield new Error().stack!.match(/(?<=at )\S+/g)!.slice(0, 3).join(" on ");
}
