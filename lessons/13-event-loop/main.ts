/**
 * Lesson 13 · An event loop: the program.
 *
 * One coroutine, and then two at once. Each says something, sleeps for a second, and goes on: the
 * two together take one second, on one thread, and always in the same order.
 *
 * Run:  deno run --allow-ffi lessons/13-event-loop/main.ts
 * Try:  call `sleep` without `yield*` before it, and predict first what will be printed
 */

import { parseOptions } from "../../shared/options.ts";
import { run } from "./event_loop.ts";
import type { Coroutine } from "./futures.ts";
import { gather, sleep } from "./tasks.ts";

parseOptions({});

const start = performance.now();

function say(text: string) {
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s  ${text}`);
}

function* nap(name: string): Coroutine<string> {
  say(`${name} begins`);
  yield* sleep(1000); // gives way to the other coroutines
  say(`${name} goes on`);
  return name;
}

say("one");
run(nap("anna"));

say("two at once");
const names = run((function* () {
  return yield* gather([nap("boris"), nap("clara")]);
})());
say(`both are done: ${names.join(" and ")}`);
