/**
 * Lesson 11 · Delegation: the program.
 *
 * `yield*` hands on to another generator: what that one yields goes to the caller of this one, and
 * what the caller sends in goes to that one. So a pause can pass through many functions. But each
 * of them has to say so.
 *
 * Run:  deno run lessons/11-delegation/main.ts
 * Try:  leave out one of the stars behind `yield`, and say what the type checker says to that
 */

function* letters(): Generator<string, number> {
  yield "a";
  yield "b";
  return 2;
}

function* numbers(): Generator<string, number> {
  yield "1";
  yield "2";
  yield "3";
  return 3;
}

console.log("two generators, handed on by a third, with what they return");
for (const value of both()) console.log(`  ${value}`);

function* both(): Generator<string, void> {
  const [count, more] = [yield* letters(), yield* numbers()];
  yield `${count} letters and ${more} numbers`;
}

console.log("what is sent or thrown in goes to the innermost one");
const outer = around();
console.log(" ", outer.next().value);
console.log(" ", outer.next("hello").value);
console.log(" ", outer.throw(new Error("no more")).value);
console.log(" ", outer.next().value);

function* around(): Generator<string, void, string> {
  try {
    yield* inside();
  } catch (error) {
    yield `the outer one caught: ${(error as Error).message}`;
  }
}

function* inside(): Generator<string, void, string> {
  try {
    const word = yield "the inner one asks for a word";
    yield `the inner one got: ${word}`;
  } catch (error) {
    yield `the inner one caught: ${(error as Error).message}`;
    throw new Error("thrown by the inner one");
  }
}

console.log("one level forgets it, and the pause ends there");
for (const value of top()) console.log(`  ${value}`);

function* top(): Generator<unknown, void> {
  yield "before";
  yield* middle();
  yield "after";
}

function* middle(): Generator<unknown, void> {
  bottom(); // makes a generator that nobody ever calls next() on
  yield bottom(); // hands on the generator, and not what it yields
}

function* bottom(): Generator<string, void> {
  yield "never: nobody came down here";
}
