/**
 * Lesson 15 · async and await: the program.
 *
 * What `async` and `await` are made of. The same coroutine is run by the loop of lesson 13, and by
 * the engine's own promises, which takes one short function. The third column is the usual
 * way to write it: an async function.
 *
 * Run:  deno run --allow-ffi lessons/15-async-await/main.ts
 * Try:  let `drive` call `step` at once, without a promise, if the value is not a promise
 */

import { parseOptions } from "../../shared/options.ts";
import { run } from "../13-event-loop/event_loop.ts";
import { type Coroutine, Future } from "../13-event-loop/futures.ts";
import { createTask, gather, sleep } from "../13-event-loop/tasks.ts";

parseOptions({});

// deno-lint-ignore no-explicit-any -- it yields futures in one run, and promises in the other
type Steps = Generator<any, void, any>;

/** Waits for something that will happen, and then for something that has happened already. */
function* story(name: string, bell: Iterable<unknown>, silence: Iterable<unknown>): Steps {
  say(`${name} begins`);
  yield* bell;
  say(`${name} has heard the bell`);
  yield* silence;
  say(`${name} ends`);
}

async function asyncStory(name: string, bell: Promise<void>) {
  say(`${name} begins`);
  await bell;
  say(`${name} has heard the bell`);
  await undefined;
  say(`${name} ends`);
}

/** Runs a coroutine as the engine runs an async function: waits for whatever it yields. */
function drive(coroutine: Steps): Promise<void> {
  return new Promise((resolve, reject) => {
    function step(resume: () => IteratorResult<unknown, void>) {
      try {
        const { done, value } = resume();
        if (done) return resolve();
        Promise.resolve(value).then(
          (result) => step(() => coroutine.next(result)),
          (error) => step(() => coroutine.throw(error)),
        );
      } catch (error) {
        reject(error);
      }
    }
    step(() => coroutine.next());
  });
}

let lines: string[];

function say(line: string) {
  lines.push(line);
}

const byLoop = lines = [];
run((function* (): Coroutine {
  const [bell, silence] = [createTask(sleep(100)), new Future()];
  silence.setResult();
  yield* gather(["anna", "boris"].map((name) => story(name, bell, silence) as Coroutine));
})());

const byHand = lines = [];
let bell = new Promise<void>((ring) => setTimeout(ring, 100));
await Promise.all(["anna", "boris"].map((name) => drive(story(name, [bell], [undefined]))));

const byAwait = lines = [];
bell = new Promise<void>((ring) => setTimeout(ring, 100));
await Promise.all(["anna", "boris"].map((name) => asyncStory(name, bell)));

const heading = ["lesson 13's loop", "promises, driven by hand", "async and await"];
for (const row of [heading, ...byLoop.map((line, i) => [line, byHand[i], byAwait[i]])]) {
  console.log(row.map((text) => text.padEnd(26)).join("").trimEnd());
}
