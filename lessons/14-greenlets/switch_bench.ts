/**
 * What a switch costs: a thousand of each kind, beside a thousand of the engine's own `await`.
 *
 * Run:  deno bench --allow-ffi lessons/14-greenlets/switch_bench.ts
 */

import {
  type Coroutine,
  createTask,
  gather,
  run,
  sleep as loopSleep,
} from "../13-event-loop/event_loop.ts";
import { runMain, sleep as hubSleep } from "./greenlet.ts";

const SWITCHES = 1000;

Deno.bench("1,000 awaits of a promise that is fulfilled", { baseline: true }, async () => {
  for (let i = 0; i < SWITCHES; i++) await undefined;
});

Deno.bench("1,000 yields of a generator", () => {
  function* turns() {
    for (let i = 0; i < SWITCHES; i++) yield;
  }
  for (const generator = turns(); !generator.next().done;);
});

Deno.bench("1,000 yields through five levels of yield*", () => {
  function* turns(depth: number): Generator<void> {
    if (depth > 0) return yield* turns(depth - 1);
    for (let i = 0; i < SWITCHES; i++) yield;
  }
  for (const generator = turns(5); !generator.next().done;);
});

Deno.bench("1,000 rounds of sleep(0) in the event loop", () => {
  run((function* (): Coroutine {
    for (let i = 0; i < SWITCHES; i++) yield* loopSleep(0);
  })());
});

Deno.bench("1,000 tasks in the event loop, created, run and joined", () => {
  // deno-lint-ignore require-yield -- it is a coroutine all the same
  function* one(): Coroutine<number> {
    return 1;
  }
  run((function* (): Coroutine {
    yield* gather(Array.from({ length: SWITCHES }, () => createTask(one())));
  })());
});

Deno.bench("1,000 rounds of sleep(0) in the hub", () => {
  runMain(function* () {
    for (let i = 0; i < SWITCHES; i++) yield* hubSleep(0);
  });
});
