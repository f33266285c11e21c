/**
 * Lesson 14 · Greenlets: the program.
 *
 * Two greenlets that sleep; the same two functions with a sleep that blocks the thread, and once
 * more after `patchAll`, which swaps that sleep out behind their backs; and what no greenlet can
 * help: one that computes.
 *
 * Run:  deno run --allow-ffi lessons/14-greenlets/main.ts
 * Try:  swap two lines, and predict what it prints before you run it
 */

import { parseOptions } from "../../shared/options.ts";
import { joinAll, runMain, spawn } from "./greenlet.ts";
import { type Coroutine, sleep as hubSleep } from "./hub.ts";
import { patchAll, sleep } from "./monkey.ts";

parseOptions({});
let start = 0;

runMain(function* () {
  heading("egon sleeps for 400 ms, alex for 200 ms");
  yield* joinAll([spawn(eat, "egon", 400), spawn(eat, "alex", 200)]);

  heading("a sleep that blocks the thread, not patched");
  yield* joinAll([spawn(work, "A", 400), spawn(work, "B", 200)]);

  heading("the same functions, patched");
  patchAll();
  yield* joinAll([spawn(work, "A", 400), spawn(work, "B", 200)]);

  heading("B computes, while A only wants to sleep for 100 ms");
  yield* joinAll([spawn(work, "A", 100), spawn(compute, "B", 200_000_000)]);
});

function* eat(name: string, milliseconds: number): Coroutine {
  print(`${name} 1`);
  // Switches to the hub, which resumes whatever can go on.
  yield* hubSleep(milliseconds);
  print(`${name} 2`);
}

function* work(name: string, milliseconds: number): Coroutine {
  print(`${name} start`);
  // Knows nothing of greenlets: what this call does is decided by monkey.ts.
  yield* sleep(milliseconds);
  print(`${name} end`);
}

/** Never waits, so it never switches, and is no generator. */
function compute(name: string, rounds: number) {
  print(`${name} start`);
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum = (Math.imul(sum, 31) + i) | 0;
  print(`${name} end`);
  return sum;
}

function heading(text: string) {
  console.log(text);
  start = performance.now();
}

function print(text: string) {
  const elapsed = Math.round(performance.now() - start);
  console.log(`  ${String(elapsed).padStart(3)} ms  ${text}`);
}
