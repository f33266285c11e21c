/**
 * What the queue of lesson 14 has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { joinAll, killAll, runMain, spawn } from "../../../../lessons/14-greenlets/greenlet.ts";
import { type Coroutine, sleep } from "../../../../lessons/14-greenlets/hub.ts";

type Module = typeof import("../../../../lessons/14-greenlets/queue.ts");

/** How long greenlets may wait for each other, in milliseconds. */
const LIMIT = 500;

/** The name of the error that a coroutine ends with; what it returns, if there is none. */
function* outcomeOf<Result>(coroutine: Coroutine<Result>): Coroutine<Result | string> {
  try {
    return yield* coroutine;
  } catch (error) {
    return (error as Error).name;
  }
}

/** Lets greenlets get an item each, and returns who got what, once they had time to do so. */
function* gettersOf<Item>(
  queue: { get(): Coroutine<Item> },
  names: string[],
  meanwhile: () => Coroutine,
): Coroutine<string[]> {
  const got: string[] = [];
  function* getOne(name: string): Coroutine {
    const item = yield* outcomeOf(queue.get());
    got.push(`${name}=${item}`);
  }
  const greenlets = names.map((name) => spawn(getOne, name));
  yield* sleep(0); // they wait
  yield* meanwhile();
  yield* joinAll(greenlets, LIMIT);
  return got;
}

/** The cases, by what a correct queue does. */
export const cases = {
  "get waits until something is put in"({ Queue }: Module) {
    const queue = new Queue<number>();
    const [got] = runMain(() =>
      gettersOf(queue, ["getter"], function* () {
        yield* sleep(1);
        yield* queue.put(1);
      })
    );
    assert.notEqual(got, "getter=Empty", "get did not wait, but threw Empty");
    assert.equal(got, "getter=1", `the getter has ${got}`);
  },
  "wakes both of two that wait when two items come at once"({ Queue }: Module) {
    const queue = new Queue<number>();
    const got = runMain(() =>
      // deno-lint-ignore require-yield -- nothing else runs between the two
      gettersOf(queue, ["first", "second"], function* () {
        queue.putNowait(1);
        queue.putNowait(2);
      })
    );
    assert.deepEqual(got, ["first=1", "second=2"], `the items went to ${got}`);
  },
  "put waits for room, and its item comes behind the others"({ Queue }: Module) {
    const queue = new Queue<number>(2);
    const seen: string[] = [];
    function* putAll(): Coroutine {
      for (let item = 1; item <= 4; item++) {
        const error = yield* outcomeOf(queue.put(item));
        seen.push(`put ${error ?? item}`);
      }
    }
    runMain(function* () {
      const putter = spawn(putAll);
      yield* sleep(1);
      assert.deepEqual(seen, ["put 1", "put 2"], `before anything was taken: ${seen}`);
      for (let item = 1; item <= 4; item++) {
        const got = yield* outcomeOf(queue.get(LIMIT));
        assert.equal(got, item, `get returned ${got}, and not ${item}`);
      }
      yield* putter.join(LIMIT);
    });
    assert.equal(seen.length, 4, `in the end: ${seen}`);
  },
  "get and put give up when their time is up"({ Queue }: Module) {
    const queue = new Queue<number>(1);
    function* expect(call: string, coroutine: Coroutine<unknown>, wanted: unknown): Coroutine {
      const outcome = yield* outcomeOf(coroutine);
      assert.equal(outcome, wanted, `${call} gave ${outcome}, and not ${wanted}`);
    }
    runMain(function* () {
      yield* expect("get from an empty queue", queue.get(2), "Empty");
      yield* queue.put(1);
      yield* expect("put into a full queue", queue.put(2, 2), "Full");
      yield* expect("get", queue.get(2), 1);
      // Nothing is left of what has been given up.
      yield* expect("get, after a put was given up", queue.get(2), "Empty");
      yield* queue.put(3);
      yield* expect("get, after another one was given up", queue.get(2), 3);
    });
  },
  "one that is killed while it waits takes nothing"({ Queue }: Module) {
    const queue = new Queue<number>();
    runMain(function* () {
      const killed = spawn(() => queue.get());
      yield* sleep(0);
      yield* killAll([killed], LIMIT);
      yield* queue.put(1);
      const got = yield* outcomeOf(queue.get(LIMIT));
      assert.equal(got, 1, `get returned ${got}`);
    });
  },
};
