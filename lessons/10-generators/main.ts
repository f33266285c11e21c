/**
 * Lesson 10 · Generators: the program.
 *
 * A generator is a function that can stop in the middle and be resumed there. So two pieces of code
 * take turns on one thread, and they switch only where one says `yield` and the other `next`.
 *
 * Run:  deno run lessons/10-generators/main.ts
 * Try:  deno task lesson:10
 */

import { parseOptions } from "../../shared/options.ts";

parseOptions({}); // none but --help

function* odd() {
  console.log("generator: 1");
  yield; // it stops here, and the caller goes on after its next()
  console.log("generator: 3");
}

const numbers = odd(); // makes the generator, but runs none of its code yet
numbers.next();
console.log("caller:    2");
numbers.next();
console.log("caller:    4");

// Values go both ways: `yield` hands one out, and its own value is what the caller sends in.
function* account(balance = 0): Generator<number, string, number> {
  try {
    while (balance < 10) balance += yield balance;
    return "full";
  } catch (error) {
    return `closed: ${(error as Error).message}`;
  } finally { // however it ends, once it has begun
    console.log("generator: finally");
  }
}

const [full, broken, left, abandoned, unstarted] = Array.from({ length: 5 }, () => account());
for (const each of [full, broken, left, abandoned]) console.log("next()    ", each.next());
for (const amount of [4, 6]) console.log(`next(${amount})   `, full.next(amount));
console.log("throw(…)  ", broken.throw(new Error("no money")));
console.log("return(…) ", left.return("given up"));
console.log("return(…) ", unstarted.return("never begun")); // no finally: it is not in its try

// Which stack is it on? A generator runs on that of its caller, and is on none while it is stopped.
function* witness() {
  while (true) yield new Error().stack!.match(/(?<=at )[\w.]+(?= \()/g)!.join(" < ");
}

const stack = witness();
for (const caller of [alice, bob]) console.log(`${caller.name} finds`, caller());

function alice() {
  return stack.next().value;
}

function bob() {
  return stack.next().value;
}
