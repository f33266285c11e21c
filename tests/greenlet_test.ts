/**
 * Lesson 14's greenlets. The expected orders are gevent's: each of these programs was run with
 * gevent 22.10 as well, and printed the same lines. See crosscheck_test.ts for more of them.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { delay } from "@std/async";
import { channel } from "node:diagnostics_channel";
import { Event } from "../lessons/14-greenlets/event.ts";
import {
  getCurrent,
  Greenlet,
  GreenletExit,
  joinAll,
  killAll,
  runMain,
  spawn,
  spawnLater,
} from "../lessons/14-greenlets/greenlet.ts";
import { type Coroutine, getHub, LoopExit, sleep, waitRead } from "../lessons/14-greenlets/hub.ts";
import * as monkey from "../lessons/14-greenlets/monkey.ts";
import { Pool } from "../lessons/14-greenlets/pool.ts";
import { Empty, Full, Queue } from "../lessons/14-greenlets/queue.ts";
import { Timeout } from "../lessons/14-greenlets/timeout.ts";
import { parseSummary } from "../shared/client.ts";
import { close, F_DUPFD_CLOEXEC, fcntl } from "../shared/linux/descriptors.ts";
import { EAGAIN } from "../shared/linux/errno.ts";
import { getsockname, send, SOCK_NONBLOCK, tryRecv } from "../shared/linux/socket.ts";
import { bytesOf, connect, expectReply, say } from "../shared/tools/check/clients.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";
import { callsBetween, readCounts } from "../shared/tools/lesson/costs.ts";
import { cpuOf } from "../shared/tools/process/proc.ts";
import { recorderUrl } from "../shared/tools/trace/settings.ts";
import { deno } from "./processes.ts";
import { ANYWHERE, openDescriptors, Pair } from "./sockets.ts";

/** Runs a program as the main greenlet, and returns the lines that it has printed. */
function linesOf(program: (print: (...words: unknown[]) => void) => Coroutine): string[] {
  const lines: string[] = [];
  runMain(() => program((...words) => lines.push(words.join(" "))));
  return lines;
}

/** Runs something, and returns what it has reported on stderr meanwhile. */
function errorsOf(run: () => void): string[] {
  const original = console.error;
  const errors: string[] = [];
  console.error = (line: string) => errors.push(line);
  try {
    run();
  } finally {
    console.error = original;
  }
  return errors;
}

function* nap<Result>(result: Result, milliseconds: number): Coroutine<Result> {
  yield* sleep(milliseconds);
  return result;
}

function valuesOf(greenlets: Greenlet[]): string[] {
  return greenlets.map(({ value }) => String(value));
}

function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test(`14 greenlets: ${name}`, fn);
}

test("greenlets begin in the order of their spawning, once the spawner waits", () => {
  const lines = linesOf(function* (print) {
    const greenlets = [0, 1, 2].map((i) => spawn(print, i));
    print("spawned");
    yield* joinAll(greenlets);
  });
  assertEquals(lines, ["spawned", "0", "1", "2"]);
});

test("a greenlet that a greenlet spawns begins after those that were spawned before", () => {
  const lines = linesOf(function* (print) {
    spawn(() => {
      print("outer");
      spawn(print, "inner");
      print("outer ends");
    });
    spawn(print, "other");
    yield* sleep(0);
    yield* sleep(0);
  });
  assertEquals(lines, ["outer", "outer ends", "other", "inner"]);
});

test("joinAll() returns the greenlets that have ended, in the order of their ends", () => {
  runMain(function* () {
    const all = [spawn(nap, "a", 60), spawn(nap, "b", 20), spawn(nap, "c", 40)];
    assertEquals(valuesOf(yield* joinAll(all)), ["b", "c", "a"]);
    const some = [spawn(nap, "a", 60_000), spawn(nap, "b", 10), spawn(nap, "c", 20)];
    assertEquals(valuesOf(yield* joinAll(some, 200)), ["b", "c"]);
    some[0].kill();
    assertEquals(valuesOf(yield* joinAll(some)), ["b", "c", "GreenletExit"]);
    assertEquals(yield* joinAll([]), []);
  });
});

test("joinAll() returns a greenlet twice that was given to it twice, as gevent does", () => {
  runMain(function* () {
    const greenlet = spawn(nap, "a", 0);
    assertEquals(yield* joinAll([greenlet, greenlet]), [greenlet, greenlet]);
  });
});

test("the greenlet that sleeps longer begins first and ends last", () => {
  const lines = linesOf(function* (print) {
    function* sleeper(name: string, milliseconds: number): Coroutine {
      print(`${name} 1`);
      yield* sleep(milliseconds);
      print(`${name} 2`);
    }
    yield* joinAll([spawn(sleeper, "egon", 100), spawn(sleeper, "alex", 50)]);
  });
  assertEquals(lines, ["egon 1", "alex 1", "alex 2", "egon 2"]);
});

test("sleep(0) lets all greenlets run in turn", () => {
  const lines = linesOf(function* (print) {
    function* turns(name: string): Coroutine {
      for (let i = 0; i < 3; i++) {
        print(`${name}${i}`);
        yield* sleep(0);
      }
    }
    yield* joinAll(["A", "B", "C"].map((name) => spawn(turns, name)));
  });
  assertEquals(lines, ["A0", "B0", "C0", "A1", "B1", "C1", "A2", "B2", "C2"]);
});

test("1,000 greenlets that sleep equally long wake in the order of their starts", () => {
  const order: number[] = [];
  runMain(function* () {
    yield* joinAll(Array.from({ length: 1000 }, (_, i) =>
      spawn(function* () {
        yield* sleep(20);
        order.push(i);
      })));
  });
  assertEquals(order, Array.from({ length: 1000 }, (_, i) => i));
});

test("spawnLater() starts greenlets in the order of their times", () => {
  const lines = linesOf(function* (print) {
    const late = spawnLater(60, print, "late");
    const early = spawnLater(20, print, "early");
    spawn(print, "now");
    yield* joinAll([late, early]);
  });
  assertEquals(lines, ["now", "early", "late"]);
});

test("an error is reported with its greenlet, and ends no other greenlet", () => {
  const greenlets: Greenlet<string>[] = [];
  const errors = errorsOf(() => {
    runMain(function* () {
      greenlets.push(spawn(function* divide(): Coroutine<string> {
        yield* sleep(0);
        throw new RangeError("by zero");
      }));
      const other = spawn(nap, "fine", 10);
      yield* joinAll([...greenlets, other]);
      assertEquals(other.value, "fine");
      try {
        yield* greenlets[0].get();
        assert(false, "it has a value");
      } catch (error) {
        assertEquals((error as Error).message, "by zero");
      }
    });
  });
  const [greenlet] = greenlets;
  assertEquals([greenlet.ready(), greenlet.successful(), greenlet.value], [true, false, undefined]);
  assertInstanceOf(greenlet.exception, RangeError);
  assertMatch(errors[0], /^RangeError: by zero\n {4}at /);
  assertEquals(errors.slice(1), [`<Greenlet "${greenlet.name}": divide> failed with RangeError`]);
});

test("kill() runs finally blocks, and its caller goes on right after them", () => {
  const lines = linesOf(function* (print) {
    const greenlet = spawn(function* () {
      try {
        print("starts");
        yield* sleep(60_000);
      } finally {
        print("finally");
      }
    });
    yield* sleep(0);
    spawn(print, "between");
    yield* greenlet.kill();
    print(`killed ${greenlet.successful()} ${greenlet.value instanceof GreenletExit}`);
  });
  assertEquals(lines, ["starts", "between", "finally", "killed true true"]);
});

test("a greenlet that is killed before it begins never runs", () => {
  const lines = linesOf(function* (print) {
    const greenlet = spawn(print, "never");
    greenlet.kill();
    print(`${greenlet.ready()} ${greenlet.successful()}`);
    const late = spawnLater(20, print, "never");
    yield* late.kill();
    const unstarted = new Greenlet(print, "never");
    yield* unstarted.kill();
    unstarted.start();
    yield* sleep(40);
    print(`${late.dead} ${unstarted.dead}`);
  });
  assertEquals(lines, ["true true", "true true"]);
});

test("kill() without yield* does not wait, although a finally block may", () => {
  const lines = linesOf(function* (print) {
    const greenlet = spawn(function* () {
      try {
        yield* sleep(60_000);
      } catch (error) {
        assertInstanceOf(error, GreenletExit);
        print("caught");
        yield* sleep(10);
        return "survived";
      }
    });
    yield* sleep(0);
    const killed = greenlet.kill();
    print(greenlet.ready());
    yield* sleep(0);
    yield* killed; // the error has been thrown already
    print(greenlet.value);
  });
  assertEquals(lines, ["false", "caught", "survived"]);
});

test("a greenlet can kill itself", () => {
  const lines = linesOf(function* (print) {
    const greenlet = spawn(function* () {
      try {
        yield* getCurrent().kill();
        print("never");
      } finally {
        print("finally");
      }
    });
    yield* greenlet.join();
    print(greenlet.successful());
  });
  assertEquals(lines, ["finally", "true"]);
});

test("a Timeout interrupts a wait, and is recognised by its identity", () => {
  const lines = linesOf(function* (print) {
    using outer = new Timeout(60_000);
    try {
      using inner = new Timeout(10);
      try {
        yield* sleep(60_000);
      } catch (error) {
        print(`${error === inner} ${error === outer} ${(error as Error).message}`);
      }
    } finally {
      print(outer.pending);
    }
  });
  assertEquals(lines, ["true false 10 ms", "true"]);
});

test("a Timeout whose block has ended, or that was cancelled, is not thrown", () => {
  const lines = linesOf(function* (print) {
    {
      using _timeout = new Timeout(20);
      yield* sleep(1);
    }
    const cancelled = new Timeout(20);
    cancelled.cancel();
    using _never = new Timeout();
    yield* sleep(40);
    cancelled.start();
    print(cancelled.pending);
    try {
      yield* sleep(60_000);
    } catch (error) {
      print(error === cancelled);
    }
  });
  assertEquals(lines, ["true", "true"]);
});

test("a wait that was interrupted is not woken later by what it had waited for", () => {
  const lines = linesOf(function* (print) {
    const event = new Event();
    const greenlet = spawn(function* () {
      using timeout = new Timeout(20);
      try {
        yield* event.wait();
      } catch (error) {
        assertStrictEquals(error, timeout);
        // Sets what it no longer waits for; if that woke it, it would not sleep long enough.
        event.set();
        const start = performance.now();
        yield* sleep(40);
        print(performance.now() - start >= 39);
      }
    });
    yield* greenlet.join();
  });
  assertEquals(lines, ["true"]);
});

test("get() throws a Timeout when the time is up, and join() returns", () => {
  const lines = linesOf(function* (print) {
    const greenlet = spawn(nap, "value", 100);
    yield* greenlet.join(10);
    print(greenlet.ready());
    try {
      yield* greenlet.get(10);
    } catch (error) {
      print(error instanceof Timeout);
    }
    print(yield* greenlet.get());
  });
  assertEquals(lines, ["false", "true", "value"]);
});

function* produce(print: (line: string) => void, queue: Queue<number>, count: number): Coroutine {
  for (let i = 0; i < count; i++) {
    yield* queue.put(i);
    print(`p${i}`);
  }
}

function* consume(print: (line: string) => void, queue: Queue<number>, count: number): Coroutine {
  for (let i = 0; i < count; i++) print(`c${yield* queue.get()}`);
}

for (
  const [size, order] of [
    [1, ["p0", "c0", "p1", "c1", "p2", "c2", "p3", "c3", "p4", "c4"]],
    [2, ["p0", "p1", "c0", "c1", "p2", "p3", "c2", "c3", "p4", "c4"]],
    [Infinity, ["p0", "p1", "p2", "p3", "p4", "c0", "c1", "c2", "c3", "c4"]],
  ] as const
) {
  test(`Queue(${size}) switches between a producer and a consumer`, () => {
    for (const consumerFirst of [false, true]) {
      const lines = linesOf(function* (print) {
        const queue = new Queue<number>(size);
        const producer = () => spawn(produce, print, queue, 5);
        const consumer = () => spawn(consume, print, queue, 5);
        yield* joinAll(consumerFirst ? [consumer(), producer()] : [producer(), consumer()]);
      });
      assertEquals(lines, [...order]);
    }
  });
}

test("a queue serves greenlets in the order in which they came", () => {
  const lines = linesOf(function* (print) {
    const queue = new Queue<string>(1);
    function* producer(name: string): Coroutine {
      for (let i = 0; i < 3; i++) {
        yield* queue.put(`${name}${i}`);
        print(`p ${name}${i}`);
      }
    }
    function* consumer(name: string): Coroutine {
      for (let i = 0; i < 3; i++) print(`${name} ${yield* queue.get()}`);
    }
    const producers = [spawn(producer, "x"), spawn(producer, "y")];
    yield* joinAll([...producers, spawn(consumer, "c1"), spawn(consumer, "c2")]);
  });
  assertEquals(
    lines,
    [
      "p x0",
      "c1 x0",
      "p x1",
      "c1 x1",
      "p y0",
      "c2 y0",
      "p x2",
      "c1 x2",
      "p y1",
      "c2 y1",
      "p y2",
      "c2 y2",
    ],
  );
});

test("two greenlets that wait for a queue are served before one spawned in between", () => {
  const lines = linesOf(function* (print) {
    const queue = new Queue<number>();
    const consumers = [spawn(consume, print, queue, 1), spawn(consume, print, queue, 1)];
    yield* sleep(0);
    yield* queue.put(1);
    const between = spawn(print, "between");
    yield* queue.put(2);
    yield* joinAll([...consumers, between]);
  });
  assertEquals(lines, ["c1", "c2", "between"]);
});

test("put() and get() give up in time, and leave nothing behind", () => {
  const lines = linesOf(function* (print) {
    const queue = new Queue<number>(1);
    try {
      yield* queue.get(10);
    } catch (error) {
      print(error instanceof Empty);
    }
    yield* queue.put(1);
    try {
      yield* queue.put(2, 10);
    } catch (error) {
      print(error instanceof Full);
    }
    assertThrows(() => queue.putNowait(3), Full);
    print(`${queue.qsize()} ${queue.full()} ${queue.getNowait()} ${queue.empty()}`);
    yield* sleep(0);
    assertThrows(() => queue.getNowait(), Empty);
  });
  assertEquals(lines, ["true", "true", "1 true 1 true"]);
});

test("an Event wakes all that wait, in order, even if it is cleared at once", () => {
  const lines = linesOf(function* (print) {
    const event = new Event();
    function* wait(name: string): Coroutine {
      print(`${name} waits`);
      print(`${name} ${yield* event.wait()}`);
    }
    const greenlets = ["a", "b", "c"].map((name) => spawn(wait, name));
    yield* sleep(0);
    event.set();
    spawn(print, "other");
    event.clear();
    print("set");
    yield* joinAll(greenlets);
    print(`${event.isSet()} ${yield* event.wait(10)}`);
    event.set();
    print(yield* event.wait());
  });
  assertEquals(
    lines,
    [
      "a waits",
      "b waits",
      "c waits",
      "set",
      "a true",
      "b true",
      "c true",
      "other",
      "false false",
      "true",
    ],
  );
});

test("a Pool(2) never has more than two greenlets running", () => {
  const lines = linesOf(function* (print) {
    const pool = new Pool(2);
    let running = 0;
    function* job(name: number, milliseconds: number): Coroutine {
      print(`start ${name} ${++running}`);
      yield* sleep(milliseconds);
      print(`end ${name}`);
      running--;
    }
    for (const [name, milliseconds] of [[1, 150], [2, 30], [3, 30], [4, 150]]) {
      yield* pool.spawn(job, name, milliseconds);
      print(`spawned ${name} ${pool.freeCount()}`);
    }
    print(`${yield* pool.join()} ${pool.length}`);
    assertEquals(yield* pool.map((n) => nap(n * 10, 30 - 10 * n), [0, 1, 2]), [0, 10, 20]);
  });
  assertEquals(lines, [
    ...["spawned 1 1", "spawned 2 0", "start 1 1", "start 2 2", "end 2"],
    ...["spawned 3 0", "start 3 2", "end 3", "spawned 4 0", "start 4 2", "end 1", "end 4"],
    "true 0",
  ]);
});

test("two greenlets that spawn in one Pool(1) take turns as in gevent", () => {
  const lines = linesOf(function* (print) {
    const pool = new Pool(1);
    function* spawner(name: string): Coroutine {
      for (let i = 0; i < 2; i++) {
        yield* pool.spawn(print, name + i);
        print(`did ${name}${i}`);
      }
    }
    yield* joinAll([spawn(spawner, "a"), spawn(spawner, "b")]);
    yield* pool.join();
  });
  assertEquals(lines, ["did a0", "a0", "did a1", "a1", "did b0", "b0", "did b1", "b1"]);
});

test("a Pool that was killed is empty", () => {
  runMain(function* () {
    const pool = new Pool(2);
    const greenlets = [yield* pool.spawn(sleep, 60_000), yield* pool.spawn(sleep, 60_000)];
    yield* sleep(0);
    assert(pool.full());
    yield* pool.kill();
    yield* pool.join();
    assertEquals(pool.length, 0);
    assert(greenlets.every(({ value }) => value instanceof GreenletExit));
  });
});

test("a greenlet that computes delays all others", () => {
  let late = 0;
  runMain(function* () {
    const start = performance.now();
    const sleeper = spawn(function* () {
      yield* sleep(10);
      late = performance.now() - start;
    });
    spawn(() => {
      while (performance.now() - start < 200);
    });
    yield* sleeper.join();
  });
  assertGreater(late, 199);
});

test("LoopExit is thrown where the main greenlet waits when nothing can wake any greenlet", () => {
  const lines = linesOf(function* (print) {
    try {
      yield* new Event().wait();
    } catch (error) {
      print(error);
    }
    const greenlet = spawn(() => new Event().wait());
    try {
      yield* greenlet.get();
    } catch (error) {
      print(`${error instanceof LoopExit} ${greenlet.ready()}`);
    }
  });
  assertEquals(lines, ["LoopExit: This operation would block forever", "true false"]);
  assertThrows(() => runMain(() => new Event().wait()), LoopExit, "would block forever");
});

test("runMain() ends with its function, returns its value, and throws its error", () => {
  const before = openDescriptors();
  assertEquals(runMain(() => nap("value", 1)), "value");
  const errors = errorsOf(() => {
    assertThrows(
      () =>
        runMain(function* () {
          yield* sleep(0);
          throw new RangeError("of main");
        }),
      RangeError,
      "of main",
    );
  });
  assertEquals(errors, []); // it is thrown, so it need not be reported
  const lines = linesOf(function* (print) {
    spawn(print, "begins");
    yield* sleep(0);
    spawn(print, "never");
  });
  assertEquals(lines, ["begins"]);
  assertThrows(() => runMain(() => runMain(() => {})), Error, "there is a hub already");
  assertThrows(() => spawn(() => {}), Error, "there is no hub");
  assertEquals(openDescriptors(), before);
});

test("killAll() ends greenlets, whether they have begun or not", () => {
  const lines = linesOf(function* (print) {
    const begun = spawn(function* () {
      try {
        yield* sleep(60_000);
      } finally {
        print("finally");
      }
    });
    yield* sleep(0);
    const all = [begun, spawn(print, "never")];
    yield* killAll(all);
    print(all.every((greenlet) => greenlet.dead));
  });
  assertEquals(lines, ["finally", "true"]);
});

test("a callback that throws is reported, and the hub goes on", () => {
  const errors = errorsOf(() => {
    const lines = linesOf(function* (print) {
      const greenlet = spawn(() => 1);
      greenlet.rawlink(() => {
        throw new Error("alas");
      });
      greenlet.rawlink(() => print("the next one is called"));
      yield* sleep(10);
      print("goes on");
    });
    assertEquals(lines, ["the next one is called", "goes on"]);
  });
  assertEquals(errors, ["A callback of the hub failed:"]);
});

test("a yield without its star throws a TypeError there", () => {
  const body = function* (): Coroutine {
    yield sleep(1) as never;
  };
  assertThrows(() => runMain(body), TypeError, "a greenlet waits with yield*");
});

test("sleep() throws a RangeError for a time that is not a number", () => {
  assertThrows(() => runMain(() => sleep(NaN)), RangeError, "not a number");
});

test("a dead greenlet does not run again, whether it is switched to or started", () => {
  let runs = 0;
  runMain(function* () {
    const greenlet = spawn(() => ++runs);
    yield* greenlet.join();
    greenlet.switch();
    greenlet.throw(new Error("never"));
    greenlet.start();
    yield* greenlet.kill();
    yield* sleep(0);
    assertEquals([runs, greenlet.value, greenlet.exception], [1, 1, undefined]);
  });
});

test("a greenlet that finds an Event set queues behind those that are still to be woken", () => {
  const lines = linesOf(function* (print) {
    const event = new Event();
    function* waiter(name: string): Coroutine {
      yield* event.wait();
      print(name);
    }
    const waiters = [spawn(waiter, "a"), spawn(waiter, "b")];
    yield* sleep(0);
    event.set();
    yield* event.wait();
    print("the newcomer");
    yield* joinAll(waiters);
    yield* event.wait();
    print("at once");
  });
  assertEquals(lines, ["a", "b", "the newcomer", "at once"]);
});

test("killAll() throws into all greenlets before any other runs", () => {
  const lines = linesOf(function* (print) {
    function* member(name: string): Coroutine {
      try {
        yield* sleep(60_000);
      } finally {
        print(name);
      }
    }
    const members = [spawn(member, "a"), spawn(member, "b")];
    yield* sleep(0);
    members[0].rawlink(() => print("a is linked"));
    yield* killAll(members);
    print("killed");
    yield* sleep(0);
  });
  assertEquals(lines, ["a", "b", "killed", "a is linked"]);
});

test("links may remove later links and add more, and run in their order", () => {
  const lines = linesOf(function* (print) {
    const second = () => print("never");
    const third = () => print("third");
    const greenlet = spawn(() => {});
    greenlet.rawlink(() => {
      print("first");
      greenlet.unlink(second);
      greenlet.rawlink(() => print("added"));
    });
    for (const link of [second, third, third]) greenlet.rawlink(link);
    yield* greenlet.join();
    print("joined");
    yield* sleep(0);
  });
  assertEquals(lines, ["first", "third", "third", "joined", "added"]);
});

test("a greenlet publishes its states to subscribers, and to nobody else", () => {
  const switches = channel("coroutine");
  const messages: unknown[] = [];
  const listen = (message: unknown) => messages.push(message);
  const body = function* (): Coroutine {
    yield* spawn(nap, "a", 0).join();
  };
  switches.subscribe(listen);
  try {
    runMain(body);
  } finally {
    switches.unsubscribe(listen);
  }
  runMain(body);
  const published = messages as { state: string; id: number; name: string }[];
  const [main, greenlet] = [...new Set(published.map(({ id }) => id))];
  const states = ["created", "running", "suspended", "running", "ended"];
  for (const [id, name] of [[main, "body"], [greenlet, "nap"]]) {
    const own = published.filter((message) => message.id === id);
    assertEquals(own.map(({ state }) => state), states);
    assertEquals(new Set(own.map(({ name }) => name)), new Set([`${name}-${id}`]));
  }
});

test("a second greenlet that waits for the same descriptor gets an Error", () => {
  using pair = new Pair();
  runMain(function* () {
    const first = spawn(waitRead, pair.server);
    yield* sleep(0);
    try {
      yield* waitRead(pair.server);
      assert(false, "it did wait");
    } catch (error) {
      assertStringIncludes((error as Error).message, "already used by another greenlet");
    }
    yield* first.kill();
  });
});

test("an idle descriptor neither wakes the hub nor keeps it from finding a deadlock", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  runMain(function* () {
    const buffer = new Uint8Array(10);
    send(pair.client, bytesOf("a"));
    assertEquals(yield* hubRecv(pair.server, buffer), 1);
    const reader = spawn(hubRecv, pair.server, buffer);
    yield* sleep(0);
    send(pair.client, bytesOf("b"));
    assertEquals(yield* reader.get(), 1);
    // It is still registered, and readable, and then even broken; but no greenlet waits for it.
    send(pair.client, bytesOf("c"));
    const before = cpuOf(Deno.pid);
    yield* sleep(150);
    pair.close(pair.client);
    yield* sleep(150);
    assertLess(cpuOf(Deno.pid) - before, 150);
    assertEquals(yield* hubRecv(pair.server, buffer), 1); // and it can be waited for again
    try {
      yield* new Event().wait();
    } catch (error) {
      assertInstanceOf(error, LoopExit);
    }
  });
});

test("a report about a closed socket does not wake a greenlet that waits for its successor", () => {
  using first = new Pair(SOCK_NONBLOCK);
  using second = new Pair(SOCK_NONBLOCK);
  runMain(function* () {
    spawn(function* () {
      try {
        yield* waitRead(second.server);
      } catch (error) {
        assertInstanceOf(error, Deno.errors.BadResource);
      }
    });
    const closing = spawn(function* (): Coroutine<unknown> {
      yield* waitRead(first.server);
      // The hub knows already that the second socket is readable.
      getHub().cancelWait(second.server);
      second.close(second.server);
      const successor = fcntl(first.client, F_DUPFD_CLOEXEC, second.server);
      assertEquals(successor, second.server);
      using limit = new Timeout(50);
      try {
        yield* waitRead(successor); // which has nothing to read
      } catch (error) {
        return error === limit;
      } finally {
        getHub().cancelWait(successor);
        close(successor);
      }
    });
    yield* sleep(0);
    for (const { client } of [first, second]) send(client, bytesOf("a"));
    assertEquals(yield* closing.get(), true);
  });
});

/** What monkey's recv does once it is patched, which happens further below. */
function* hubRecv(fd: number, buffer: Uint8Array<ArrayBuffer>): Coroutine<number> {
  let length;
  while ((length = tryRecv(fd, buffer)) === -EAGAIN) yield* waitRead(fd);
  return length;
}

/** The functions of greenlets below, once with the calls as they are, and once patched. */
function* work(print: (line: string) => void, name: string, milliseconds: number): Coroutine {
  print(`${name} start`);
  yield* monkey.sleep(milliseconds);
  print(`${name} end`);
}

function* echoOnce(listener: number, closeIt = monkey.close): Coroutine<number> {
  const connection = yield* monkey.accept(listener);
  const buffer = new Uint8Array(100);
  const length = yield* monkey.recv(connection, buffer);
  yield* monkey.sendAll(connection, buffer, length);
  closeIt(connection);
  return connection;
}

function* ask(port: number): Coroutine<string> {
  const connection = yield* monkey.connect({ host: "127.0.0.1", port });
  const buffer = new Uint8Array(100);
  yield* monkey.sendAll(connection, bytesOf("hello"));
  const length = yield* monkey.recv(connection, buffer);
  monkey.close(connection);
  return new TextDecoder().decode(buffer.subarray(0, length));
}

// In one test, since there is no way back.
test("the same source blocks the thread, and after patchAll() lets the others run", () => {
  function run() {
    return linesOf(function* (print) {
      yield* joinAll([spawn(work, print, "A", 100), spawn(work, print, "B", 50)]);
    });
  }
  assertEquals(run(), ["A start", "A end", "B start", "B end"]);
  monkey.patchAll();
  assertEquals(run(), ["A start", "B start", "B end", "A end"]);

  const before = openDescriptors();
  runMain(function* () {
    const listener = monkey.listen(ANYWHERE);
    const { port } = getsockname(listener);
    // Both sides are in one thread, and each waits for the other: if it blocked, neither would end.
    const server = spawn(echoOnce, listener);
    assertEquals(yield* spawn(ask, port).get(), "hello");
    yield* server.get();
    // A greenlet that waits for a socket gets an error when another one closes it.
    const waiting = spawn(function* (): Coroutine<unknown> {
      try {
        yield* monkey.accept(listener);
      } catch (error) {
        return error;
      }
    });
    yield* sleep(0);
    monkey.close(listener);
    assertInstanceOf(yield* waiting.get(), Deno.errors.BadResource);
    try {
      yield* monkey.connect({ host: "127.0.0.1", port });
      assert(false, "the connection was accepted");
    } catch (error) {
      assertInstanceOf(error, Deno.errors.ConnectionRefused);
    }
  });
  assertEquals(openDescriptors(), before);
});

test("a client that sends without a pause does not keep the thread for itself", () => {
  monkey.patchAll();
  using pair = new Pair(SOCK_NONBLOCK);
  send(pair.client, new Uint8Array(1000));
  const lines = linesOf(function* (print) {
    const reader = spawn(function* () {
      for (let i = 0; i < 1000; i++) yield* monkey.recv(pair.server, new Uint8Array(1));
      print("1,000 bytes, one by one");
    });
    const other = spawn(print, "the other");
    yield* joinAll([reader, other]);
  });
  assertEquals(lines, ["the other", "1,000 bytes, one by one"]);
});

test("sockets with the numbers of others that close(2) itself has closed are waited for", () => {
  monkey.patchAll();
  const numbers: number[][] = [];
  const before = openDescriptors();
  runMain(function* () {
    for (let i = 0; i < 3; i++) {
      const listener = monkey.listen(ANYWHERE);
      const server = spawn(echoOnce, listener, close);
      const connection = yield* monkey.connect(getsockname(listener));
      yield* monkey.sendAll(connection, bytesOf("hello"));
      using _limit = new Timeout(1000);
      assertEquals(yield* monkey.recv(connection, new Uint8Array(100)), 5);
      numbers.push([listener, connection, yield* server.get() as Coroutine<number>]);
      for (const fd of [listener, connection]) close(fd);
    }
  });
  assertEquals(numbers, [numbers[0], numbers[0], numbers[0]]);
  assertEquals(openDescriptors(), before);
});

const subject: Subject = {
  name: "14 greenlets",
  script: new URL("../lessons/14-greenlets/server.ts", import.meta.url),
  permissions: ["--allow-ffi"],
};

test("the server serves all clients at once, and with --plain one after another", async () => {
  for (const plain of [true, false]) {
    await using server = await Server.start({ ...subject, args: plain ? ["--plain"] : [] });
    using silent = await connect(server);
    await say(silent);
    using other = await connect(server);
    await other.write(bytesOf("hello"));
    let answered = false;
    const reply = expectReply(other, bytesOf("hello")).then(() => answered = true);
    await delay(200);
    assertEquals(answered, !plain);
    silent.closeWrite();
    await reply;
  }
});

test("the server with --plain ends after as many clients as --connections says", async () => {
  await using server = await Server.start(subject, { args: ["--plain", "--connections", "2"] });
  for (let i = 0; i < 2; i++) {
    using connection = await connect(server);
    await say(connection);
  }
  assertEquals((await server.ended).code, 0);
});

test("the server registers a socket once, and not for each wait", async () => {
  const counts = await Deno.makeTempFile();
  const recorder = recorderUrl(["--allow-ffi"], { counts, name: "server" });
  const permissions = ["--allow-ffi", `--preload=${recorder}`];
  await using server = await Server.start({ ...subject, permissions });
  using connection = await connect(server);
  const before = readCounts(counts);
  for (let i = 0; i < 100; i++) await say(connection);
  const calls = callsBetween(before, readCounts(counts));
  const count = (name: string) => calls.find((call) => call.name === name)?.calls ?? 0;
  assertEquals([count("send"), count("recv")], [100, 100]);
  // And registered again if a message came while no greenlet waited, as happens on a busy machine.
  assertLess(count("epoll_ctl"), 20);
  await Deno.remove(counts);
});

test("main.ts prints the orders that it promises", async () => {
  const { code, stdout } = await deno(["run", "--allow-ffi", "lessons/14-greenlets/main.ts"]);
  assertEquals(code, 0);
  const lines = [...stdout.matchAll(/^ +(\d+) ms {2}(.*)$/gm)].map(([, time, line]) => ({
    time: Number(time),
    line,
  }));
  assertEquals(lines.map(({ line }) => line), [
    ...["egon 1", "alex 1", "alex 2", "egon 2"],
    ...["A start", "A end", "B start", "B end"],
    ...["A start", "B start", "B end", "A end"],
    ...["A start", "B start", "B end", "A end"],
  ]);
  // Not patched, the two waits add up; patched, they do not, but a computation delays A.
  const [blocked, patched, computed, delayed] = [7, 11, 14, 15].map((i) => lines[i].time);
  assertGreater(blocked, 599);
  assertLess(patched, blocked - 100);
  assertGreater(delayed, computed - 1);
  assertGreater(delayed, 99);
});

test("the lesson's silent clients do not hold up the others", async () => {
  await using server = await Server.start(subject);
  const { code, stdout } = await deno([
    "run",
    "--allow-net",
    "lessons/14-greenlets/client.ts",
    "--port",
    String(server.port),
  ]);
  assertEquals(code, 0);
  const outcome = parseSummary(stdout.trimEnd().split("\n").at(-1)!);
  assertEquals([outcome?.clients, outcome?.correct], [20, 20]);
  assertEquals(stdout.match(/said nothing for 1000 ms, then hello/g)?.length, 5);
  assertLess(outcome!.longest, 900);
});
