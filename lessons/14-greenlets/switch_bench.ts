/**
 * What a switch costs: a thousand of each kind, beside a thousand of the engine's own `await`; and
 * what it costs to publish each of them, with a subscriber and without.
 *
 * Run:  deno bench --allow-ffi lessons/14-greenlets/switch_bench.ts
 */

import { channel } from "node:diagnostics_channel";
import { run } from "../13-event-loop/event_loop.ts";
import type { Coroutine } from "../13-event-loop/futures.ts";
import { createTask, gather, sleep as loopSleep } from "../13-event-loop/tasks.ts";
import { runMain } from "./greenlet.ts";
import { sleep as hubSleep } from "./hub.ts";

const SWITCHES = 1000;
const switches = channel("coroutine");

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

Deno.bench("1,000 rounds of sleep(0) in the event loop", sleepInLoop);

Deno.bench("1,000 rounds of sleep(0) in the hub", sleepInHub);

Deno.bench("1,000 tasks in the event loop, created, run and joined", () => {
  // deno-lint-ignore require-yield -- it is a coroutine all the same
  function* one(): Coroutine<number> {
    return 1;
  }
  run((function* (): Coroutine {
    yield* gather(Array.from({ length: SWITCHES }, () => createTask(one())));
  })());
});

// Each round asks this twice. The next two are measured last: once a channel has had a subscriber,
// asking it takes longer in the same process.
Deno.bench("2,000 times asking a channel whether anybody listens", () => {
  let listeners = 0;
  for (let i = 0; i < 2 * SWITCHES; i++) if (switches.hasSubscribers) listeners++;
  if (listeners > 0) throw new Error("somebody listens");
});

Deno.bench("1,000 rounds of sleep(0) in the event loop, with a listener", (bench) => {
  listening(bench, sleepInLoop);
});

Deno.bench("1,000 rounds of sleep(0) in the hub, with a listener", (bench) => {
  listening(bench, sleepInHub);
});

function sleepInLoop() {
  run((function* (): Coroutine {
    for (let i = 0; i < SWITCHES; i++) yield* loopSleep(0);
  })());
}

function sleepInHub() {
  runMain(function* () {
    for (let i = 0; i < SWITCHES; i++) yield* hubSleep(0);
  });
}

/** Measures a function while there is a subscriber that only counts. */
function listening(bench: Deno.BenchContext, measured: () => void) {
  let heard = 0;
  const listen = () => heard++;
  switches.subscribe(listen);
  bench.start();
  measured();
  bench.end();
  switches.unsubscribe(listen);
  if (heard < 2 * SWITCHES) throw new Error(`only ${heard} switches were published`);
}
