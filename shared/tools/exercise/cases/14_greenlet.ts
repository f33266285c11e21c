/**
 * What the greenlets of lesson 14 have to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Coroutine, sleep } from "../../../../lessons/14-greenlets/hub.ts";
import { Timeout } from "../../../../lessons/14-greenlets/timeout.ts";

type Module = typeof import("../../../../lessons/14-greenlets/greenlet.ts");

function* nap<Result>(result: Result, milliseconds: number): Coroutine<Result> {
  yield* sleep(milliseconds);
  return result;
}

/** The error that a coroutine ends with; undefined if it does not. */
function* errorOf(coroutine: Coroutine<unknown>): Coroutine<unknown> {
  try {
    yield* coroutine;
  } catch (error) {
    return error;
  }
}

/** The cases, by what correct greenlets do. */
export const cases = {
  "joinAll waits until all have ended"({ joinAll, runMain, spawn }: Module) {
    const values = runMain(function* () {
      const ended = yield* joinAll([spawn(nap, "slow", 60), spawn(nap, "fast", 1)]);
      return ended.map(({ value }) => value);
    });
    assert.deepEqual(values, ["fast", "slow"], `these had ended: ${values}`);
  },
  "joinAll waits no longer than its time limit"({ joinAll, runMain, spawn }: Module) {
    const values = runMain(function* () {
      const ended = yield* joinAll([spawn(nap, "slow", 60_000), spawn(nap, "fast", 1)], 100);
      return ended.map(({ value }) => value);
    });
    assert.deepEqual(values, ["fast"], `these had ended: ${values}`);
  },
  "joinAll of none returns at once"({ joinAll, runMain }: Module) {
    assert.deepEqual(runMain(() => joinAll([])), []);
  },
  "get ends its time limit when it returns"({ runMain, spawn }: Module) {
    runMain(function* () {
      assert.equal(yield* spawn(nap, 7, 0).get(150), 7, "get did not return the result");
      const error = yield* errorOf(sleep(200));
      assert.equal(error, undefined, `it was interrupted afterwards: ${error}`);
    });
  },
  "get throws a Timeout when its time is up"({ runMain, spawn }: Module) {
    runMain(function* () {
      const error = yield* errorOf(spawn(nap, 7, 60_000).get(5));
      assert(error instanceof Timeout, `it threw ${error}`);
    });
  },
  "get throws what has ended the greenlet"({ runMain, spawn }: Module) {
    const original = console.error;
    console.error = () => {}; // each failure is reported
    try {
      runMain(function* () {
        const greenlet = spawn(function* () {
          yield* sleep(1);
          throw new RangeError("on purpose");
        });
        const error = yield* errorOf(greenlet.get(2000));
        assert(error instanceof RangeError, `it threw ${error}`);
      });
    } finally {
      console.error = original;
    }
  },
};
