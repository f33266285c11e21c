/**
 * Lesson 12 · A sleep scheduler: the program.
 *
 * Coroutines that sleep, on one thread. A scheduler keeps a list of who has to be woken when,
 * sleeps until the first of them is due, and resumes it. Two that sleep for two seconds are done
 * after two seconds, and not after four.
 *
 * Run:  deno run lessons/12-sleep-scheduler/main.ts
 * Try:  deno run lessons/12-sleep-scheduler/main.ts --coroutines 10000
 */

import { number, parseOptions } from "../../shared/options.ts";
import { type Coroutine, Scheduler, sleep } from "./scheduler.ts";

const options = parseOptions({
  coroutines: number(2, "how many there are", 1, 1_000_000),
  time: number(2000, "milliseconds that each of them sleeps in all"),
});

const scheduler = new Scheduler();
for (let i = 1; i <= options.coroutines; i++) scheduler.start(nap(i), `coroutine ${i}`);
scheduler.start(fall(), "the one that falls out of bed");

const start = performance.now();
const failed = scheduler.run();
say(`all are done, of which ${failed} failed`);

function* nap(number: number): Coroutine {
  if (number <= 10) say(`coroutine ${number} lies down`);
  yield* sleep(options.time / 2);
  if (number <= 10) say(`coroutine ${number} turns over`);
  yield* sleep(options.time / 2);
  if (number <= 10) say(`coroutine ${number} gets up`);
}

function* fall(): Coroutine {
  yield* sleep(options.time * 3 / 4);
  throw "the floor was hard"; // which ends this coroutine, and no other
}

function say(text: string) {
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s  ${text}`);
}
