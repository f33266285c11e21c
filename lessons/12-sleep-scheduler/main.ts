/**
 * Lesson 12 · A sleep scheduler: the program.
 *
 * Coroutines that sleep, on one thread. A scheduler resumes the one that wakes up first, and until
 * then the thread itself sleeps. So they all sleep at the same time, not one after another.
 *
 * Run:  deno run lessons/12-sleep-scheduler/main.ts
 * Try:  deno run lessons/12-sleep-scheduler/main.ts --seconds 4 --coroutines 3
 */

import { number, parseOptions } from "../../shared/options.ts";
import { type Coroutine, Scheduler, sleep } from "./scheduler.ts";

const options = parseOptions({
  coroutines: number(2, "how many of them there are", 1, 100_000),
  seconds: number(2, "how long each of them sleeps in all", 0, 3600),
});

const scheduler = new Scheduler();
for (let i = 1; i <= options.coroutines; i++) {
  const name = `coroutine ${i}`;
  // Every second coroutine sleeps in two parts, so that they do not simply take turns.
  scheduler.start(sleeper(name, i % 2 === 0 ? 2 : 1), name);
}

const start = performance.now();
let slept = 0;
const failures = scheduler.run();
console.log(`they slept for ${slept} s in all, within ${clock()} s, on one thread`);
if (failures.length > 0) Deno.exit(1); // the scheduler has reported them

function* sleeper(name: string, parts: number): Coroutine {
  console.log(`${clock()} s  ${name} begins`);
  for (let part = 1; part <= parts; part++) {
    // Without the star, what `sleep` yields would not reach the scheduler.
    yield* sleep(1000 * options.seconds / parts);
    slept += options.seconds / parts;
    console.log(`${clock()} s  ${name} has slept ${part} of ${parts} times`);
  }
}

function clock(): string {
  return ((performance.now() - start) / 1000).toFixed(2);
}
