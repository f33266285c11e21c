/**
 * What the tasks of lesson 13 have to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { run } from "../../../../lessons/13-event-loop/event_loop.ts";
import {
  CancelledError,
  type Coroutine,
  Future,
} from "../../../../lessons/13-event-loop/futures.ts";

type Module = typeof import("../../../../lessons/13-event-loop/tasks.ts");

/** Coroutines that note when they end, and how. */
function nappers({ sleep }: Module) {
  const seen: string[] = [];
  return {
    seen,
    *nap(name: string, milliseconds: number): Coroutine<string> {
      try {
        yield* sleep(milliseconds);
      } catch (error) {
        seen.push(`${name} ${(error as Error).name}`);
        throw error;
      }
      seen.push(name);
      return name;
    },
    *fail(name: string, milliseconds: number): Coroutine<string> {
      yield* sleep(milliseconds);
      throw new RangeError(name);
    },
  };
}

/** The error that a coroutine ends with; undefined if it does not. */
function* errorOf(body: () => Coroutine<unknown>): Coroutine<unknown> {
  try {
    yield* body();
  } catch (error) {
    return error;
  }
}

/** The cases, by what correct tasks do. */
export const cases = {
  "gather gives all results, in the order in which it was given the coroutines"(module: Module) {
    const { nap, seen } = nappers(module);
    const results = run((function* () {
      return yield* module.gather([nap("slow", 60), nap("fast", 30), nap("faster", 0)]);
    })());
    assert.deepEqual(results, ["slow", "fast", "faster"], `the results are ${results}`);
    assert.deepEqual(seen, ["faster", "fast", "slow"], `they ended in this order: ${seen}`);
  },
  "gather of nothing is done at once"({ gather }: Module) {
    const results = run((function* () {
      return yield* gather([]);
    })());
    assert.deepEqual(results, [], `the results are ${results}`);
  },
  "gather fails as soon as one of them does, while the others go on"(module: Module) {
    const { fail } = nappers(module);
    run((function* (): Coroutine {
      const gate = new Future();
      let wentOn = false;
      function* other(): Coroutine {
        yield* gate;
        wentOn = true;
      }
      const error = yield* errorOf(function* () {
        return yield* module.gather([other(), fail("first", 1), fail("second", 5)]);
      });
      assert.equal((error as Error | undefined)?.message, "first", `it failed with ${error}`);
      assert(!gate.cancelled(), "the others were cancelled");
      gate.setResult();
      yield* module.sleep(10);
      assert(wentOn, "the others did not go on");
    })());
  },
  "gather gives errors as results if it is asked to"(module: Module) {
    const { nap, fail } = nappers(module);
    const results = run((function* () {
      return yield* module.gather([fail("first", 1), nap("other", 2)], { returnExceptions: true });
    })());
    const names = results.map((result: unknown) => result instanceof Error ? result.name : result);
    assert.deepEqual(names, ["RangeError", "other"], `the results are ${names}`);
  },
  "a gather that is cancelled cancels all of them, and then fails"(module: Module) {
    const { nap, seen } = nappers(module);
    run((function* (): Coroutine {
      const gathering = module.createTask((function* (): Coroutine<unknown> {
        return yield* module.gather([nap("a", 1000), nap("b", 1000)]);
      })());
      yield* module.sleep(1);
      gathering.cancel();
      const error = yield* errorOf(function* () {
        return yield* gathering;
      });
      assert(error instanceof CancelledError, `it failed with ${error}`);
      assert.deepEqual(seen, ["a CancelledError", "b CancelledError"], `they ended: ${seen}`);
    })());
  },
  "waitFor cancels a coroutine that takes too long"(module: Module) {
    const { nap, seen } = nappers(module);
    run((function* (): Coroutine {
      const error = yield* errorOf(function* () {
        return yield* module.waitFor(nap("slow", 1000), 5);
      });
      assert(error instanceof module.TimeoutError, `it failed with ${error}`);
      assert.deepEqual(seen, ["slow CancelledError"], `it ended: ${seen}`);
      assert.equal(yield* module.waitFor(nap("fast", 1), 1000), "fast");
    })());
  },
};
