/**
 * What the tests rely on in `@std`. Run with and without `--config tests/jsr.json`, it shows that
 * the replacements in `tests/offline/` behave alike.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";
import { deadline, delay, retry, RetryError } from "@std/async";
import { getAvailablePort } from "@std/net";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";

const failures: [name: string, failing: () => unknown][] = [
  ["assert", () => assert(false)],
  ["assertEquals", () => assertEquals({ a: [1, 2] }, { a: [1, 3] })],
  ["assertEquals, if a member is missing", () => assertEquals<unknown>({ a: undefined }, {})],
  ["assertEquals, of an array and an object", () => assertEquals<unknown>([1], { 0: 1 })],
  ["assertStrictEquals", () => assertStrictEquals({}, {})],
  ["assertGreater", () => assertGreater(1, 1)],
  ["assertLess", () => assertLess(1, 1)],
  ["assertMatch", () => assertMatch("abc", /x/)],
  ["assertStringIncludes", () => assertStringIncludes("abc", "x")],
  ["assertInstanceOf", () => assertInstanceOf(new Error(), TypeError)],
  ["assertThrows, if nothing is thrown", () => assertThrows(() => {}, Error)],
  ["fail", () => fail("on purpose")],
];

for (const [name, failing] of failures) {
  Deno.test(`${name} fails with an AssertionError`, () => {
    let thrown: unknown;
    try {
      failing();
    } catch (error) {
      thrown = error;
    }
    assertInstanceOf(thrown, AssertionError);
  });
}

Deno.test("assertions pass when they should", () => {
  assert(1);
  assertEquals([new Uint8Array([1]), new Map([[1, { a: NaN }]])], [
    new Uint8Array([1]),
    new Map([[1, { a: NaN }]]),
  ]);
  assertEquals({ zero: [0] }, { zero: [-0] });
  assertEquals(Object.assign(Object.create(null), { a: 1 }), { a: 1 });
  assertStrictEquals(failures, failures);
  assertGreater(2, 1);
  assertLess(1, 2);
  assertMatch("abc", /b/);
  assertStringIncludes("abc", "bc");
});

Deno.test("assertThrows returns the error, and wants its class and a part of its message", () => {
  function throwing() {
    throw new RangeError("out of range");
  }
  assertEquals(assertThrows(throwing, RangeError, "of range").message, "out of range");
  assertThrows(() => assertThrows(throwing, TypeError), AssertionError);
  assertThrows(() => assertThrows(throwing, RangeError, "other"), AssertionError);
});

Deno.test("assertRejects resolves with the error, and wants its class", async () => {
  function rejecting() {
    return Promise.reject(new RangeError("out of range"));
  }
  assertEquals((await assertRejects(rejecting, RangeError)).message, "out of range");
  await assertRejects(() => assertRejects(rejecting, TypeError), AssertionError);
  await assertRejects(() => assertRejects(() => Promise.resolve(), Error), AssertionError);
});

Deno.test("delay takes the time that it is given, and is ended by a signal", async () => {
  const start = performance.now();
  await delay(20);
  assertGreater(performance.now() - start, 18);
  const reason = new Error("enough");
  const rejected = await assertRejects(
    () => delay(60_000, { signal: AbortSignal.abort(reason) }),
    Error,
  );
  assertStrictEquals(rejected, reason);
});

Deno.test("deadline settles as the promise does, or rejects with a TimeoutError", async () => {
  assertEquals(await deadline(Promise.resolve(1), 60_000), 1);
  const error = await assertRejects(() => deadline(new Promise(() => {}), 10), DOMException);
  assertEquals(error.name, "TimeoutError");
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const rejected = await assertRejects(
    () => deadline(new Promise(() => {}), 60_000, { signal }),
    Error,
  );
  assertStrictEquals(rejected, reason);
});

Deno.test("retry calls again until the function does not throw", async () => {
  let calls = 0;
  function failsTwice() {
    if (++calls < 3) throw new Error("not yet");
    return calls;
  }
  assertEquals(await retry(failsTwice, { minTimeout: 1 }), 3);
  calls = -10;
  await assertRejects(() => retry(failsTwice, { minTimeout: 1, maxAttempts: 2 }), RetryError);
});

Deno.test("getAvailablePort gives a port that can be listened on", () => {
  const port = getAvailablePort();
  Deno.listen({ port }).close();
  assertGreater(port, 0);
});

describe("describe and it", () => {
  const order: string[] = [];
  beforeEach(() => void order.push("before"));
  afterEach(() => void order.push("after"));
  it("run a test", () => void order.push("test"));
  it("run what stands before and after each test", () => {
    assertEquals(order, ["before", "test", "after", "before"]);
  });
});

Deno.test("FakeTime calls timers in the order in which they are due, and none twice", () => {
  using time = new FakeTime(1_000);
  const calls: string[] = [];
  setTimeout(() => calls.push(`late at ${Date.now()}`), 300);
  setTimeout((name: string) => calls.push(`${name} at ${Date.now()}`), 100, "early");
  clearTimeout(setTimeout(() => calls.push("never"), 200));
  time.tick(99);
  assertEquals(calls, []);
  time.tick(1);
  assertEquals(calls, ["early at 1100"]);
  assert(time.next());
  assertEquals(calls, ["early at 1100", "late at 1300"]);
  assertEquals(time.next(), false);
  assertEquals([time.start, time.now, new Date().getTime()], [1_000, 1_300, 1_300]);
});

Deno.test("FakeTime repeats intervals, and runs what timers start", () => {
  using time = new FakeTime(0);
  const calls: number[] = [];
  const interval = setInterval(() => calls.push(Date.now()), 10);
  time.tick(35);
  clearInterval(interval);
  setTimeout(() => setTimeout(() => calls.push(Date.now()), 5), 5);
  time.runAll();
  assertEquals(calls, [10, 20, 30, 45]);
});

Deno.test("FakeTime lets promises go on before it moves, if it is asked to", async () => {
  using time = new FakeTime(0);
  const calls: number[] = [];
  Promise.resolve().then(() => setTimeout(() => calls.push(Date.now()), 50));
  await time.tickAsync(50);
  const waiting = delay(20).then(() => calls.push(Date.now()));
  const signal = AbortSignal.timeout(20);
  assert(await time.nextAsync());
  await waiting;
  assert(signal.aborted);
  await time.runMicrotasks();
  assertEquals(calls, [50, 70]);
});

Deno.test("FakeTime gives back the real time, and leaves performance.now() alone", async () => {
  const real = [Date, setTimeout, clearTimeout, setInterval, clearInterval];
  const start = performance.now();
  const time = new FakeTime(0);
  assert(new Date() instanceof Date);
  assertEquals(new Date("1970-01-02").getTime(), 86_400_000);
  time.tick(3_600_000);
  assertLess(performance.now() - start, 60_000);
  time.restore();
  assertEquals(real, [Date, setTimeout, clearTimeout, setInterval, clearInterval]);
  assertThrows(() => time.restore(), Error);
  await delay(1);
});
