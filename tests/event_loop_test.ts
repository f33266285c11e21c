/**
 * Lesson 13: what its loop promises, besides the order of things (see crosscheck_test.ts). Where
 * asyncio has an answer to a mistake, the error here is the same one.
 */

import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { channel } from "node:diagnostics_channel";
import { DeadlockError, run } from "../lessons/13-event-loop/event_loop.ts";
import { CancelledError, type Coroutine, Future } from "../lessons/13-event-loop/futures.ts";
import { accept, close, connect, recv, sendAll } from "../lessons/13-event-loop/sockets.ts";
import {
  createTask,
  gather,
  sleep,
  type Task,
  TimeoutError,
  wait,
  waitFor,
} from "../lessons/13-event-loop/tasks.ts";
import { close as rawClose } from "../shared/linux/descriptors.ts";
import { getsockname, listenTcp, SOCK_NONBLOCK, tryRecv } from "../shared/linux/socket.ts";
import { shout } from "../shared/shout.ts";
import { deno } from "./processes.ts";

function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test(`13 event-loop: ${name}`, fn);
}

/** Runs a coroutine that is written in place. */
function running<Result>(body: () => Coroutine<Result>): Result {
  return run(body());
}

/** Runs something, and returns what it has reported on stderr, one line for each report. */
function reportsOf(body: () => Coroutine): string[] {
  const original = console.error;
  const reports: string[] = [];
  console.error = (...parts: unknown[]) => reports.push(parts.join(" "));
  try {
    running(body);
  } finally {
    console.error = original;
  }
  return reports;
}

/** The error that a coroutine or future throws when it is awaited; undefined if it throws none. */
function* errorOf(awaited: Coroutine<unknown> | Future<unknown>): Coroutine<unknown> {
  try {
    yield* awaited as Coroutine<unknown>;
  } catch (error) {
    return error;
  }
}

function* nap<Result>(result: Result, milliseconds = 0): Coroutine<Result> {
  yield* sleep(milliseconds);
  return result;
}

function* fail(message: string, milliseconds = 0): Coroutine {
  yield* sleep(milliseconds);
  throw new RangeError(message);
}

test("run() returns the coroutine's result or throws its error", () => {
  assertEquals(run(nap(7)), 7);
  assertThrows(() => run(fail("alas", 1)), RangeError, "alas");
});

test("run() throws an Error when a loop runs already", () => {
  running(function* () {
    assertThrows(() => run(sleep(0)), Error, "from a running event loop");
    yield* sleep(1); // the loop that runs is not affected
  });
});

test("createTask() throws an Error when no loop runs", () => {
  assertThrows(() => createTask(sleep(0)), Error, "no running event loop");
});

test("a yield without its star throws a TypeError there, and finally blocks run", () => {
  const futures = [() => sleep(1), () => new Future(), () => createTask(sleep(1)), () => 7];
  for (const mistake of futures) {
    const lines: string[] = [];
    const body = function* (): Coroutine {
      try {
        yield mistake() as never;
      } finally {
        lines.push("finally");
      }
    };
    assertThrows(() => running(body), TypeError, "a coroutine waits with yield*");
    assertEquals(lines, ["finally"]);
  }
});

test("a task that awaits itself gets an Error, which it can catch", () => {
  running(function* () {
    const tasks: Task<unknown>[] = [];
    function* selfish(): Coroutine<unknown> {
      return yield* errorOf(tasks[0]);
    }
    tasks.push(createTask(selfish()));
    const error = yield* tasks[0];
    assertInstanceOf(error, Error);
    assertEquals(error.message, "a task cannot await itself");
  });
});

/** Runs three tasks that await each other in a circle, and returns what their ends print. */
function circle(awaited: (task: Task) => Future<unknown>): string[] {
  const lines: string[] = [];
  const tasks: Task[] = [];
  function* awaiting(other: number): Coroutine {
    try {
      yield* awaited(tasks[other]);
    } finally {
      lines.push(`finally ${other}`);
    }
  }
  const body = function* (): Coroutine {
    for (const other of [1, 2, 0]) tasks.push(createTask(awaiting(other), `to ${other}`));
    yield* tasks[0];
  };
  const error = assertThrows(() => running(body), DeadlockError);
  assertMatch(error.message, /: Task-\d+, to 1, to 2, to 0$/);
  return lines.sort();
}

test("tasks that await each other are a DeadlockError, and their finally blocks run", () => {
  const lines = ["finally 0", "finally 1", "finally 2"];
  assertEquals(circle((task) => task as Future<unknown>), lines);
  assertEquals(circle((task) => gather([task, sleep(0)]) as Future<unknown>), lines);
});

test("10,000 tasks that wait for one another are cancelled without a stack overflow", () => {
  let finallies = 0;
  function* awaiting(future: Future): Coroutine {
    try {
      yield* future;
    } finally {
      finallies++;
    }
  }
  const body = function* (): Coroutine {
    let last = new Future();
    for (let i = 0; i < 10_000; i++) last = createTask(awaiting(last));
    yield* sleep(0);
    last.cancel();
    yield* wait([last]);
    assertEquals(last.cancelled(), true);
  };
  running(body);
  assertEquals(finallies, 10_000);
});

test("of two tasks on one coroutine, the one that comes too late fails", () => {
  running(function* () {
    for (const time of [0, 5]) {
      const coroutine = nap("result", time);
      const tasks = [createTask(coroutine), createTask(coroutine)];
      const outcomes = yield* gather(tasks, { returnExceptions: true });
      // After sleep(0), the second task resumes the coroutine before the first one does.
      if (time === 0) (outcomes as string[]).reverse();
      assertEquals(outcomes.map(String), [
        "result",
        "Error: cannot reuse an already awaited coroutine",
      ]);
    }
    const coroutine = nap("result");
    yield* createTask(coroutine);
    const error = yield* errorOf(createTask(coroutine));
    assertStringIncludes(String(error), "cannot reuse an already awaited coroutine");
  });
});

test("a coroutine that is awaited a second time gives undefined, as any generator does", () => {
  running(function* () {
    const coroutine = nap("result");
    assertEquals(yield* coroutine, "result");
    assertEquals(yield* coroutine, undefined); // asyncio raises an error, a generator cannot
  });
});

test("gather() runs the same coroutine once, and gives its result in both positions", () => {
  running(function* () {
    const coroutine = nap("once", 1);
    assertEquals(yield* gather([coroutine, nap("other"), coroutine]), ["once", "other", "once"]);
    const task = createTask(nap("task"));
    assertEquals(yield* gather([task, task]), ["task", "task"]);
  });
});

test("a gather() that was cancelled is not cancelled(), but fails with a CancelledError", () => {
  running(function* () {
    const gathering = gather([sleep(1000), sleep(1000)]);
    yield* sleep(0);
    assertEquals([gathering.cancel(), gathering.done()], [true, false]);
    assertInstanceOf(yield* errorOf(gathering as Future<unknown>), CancelledError);
    assertEquals([gathering.done(), gathering.cancelled()], [true, false]);
    assertEquals(gathering.cancel(), false);
  });
});

test("wait() lists a future once that is given to it twice", () => {
  running(function* () {
    const task = createTask(sleep(0));
    assertEquals(yield* wait([task, task]), { done: [task], pending: [] });
  });
});

test("a future of an earlier run() cannot be waited for, but has its result", () => {
  const [pending, done] = running(function* () {
    const task = createTask(nap(7));
    yield* task;
    return [new Future<number>(), task];
  });
  running(function* () {
    for (const awaitable of [pending, waitFor(pending, 5), wait([pending])]) {
      const error = yield* errorOf(awaitable as Future<unknown>);
      assertStringIncludes(String(error), "the future is attached to a different loop");
    }
    assertThrows(() => gather([sleep(0), pending]), Error, "attached to a different loop");
    assertEquals(yield* done, 7);
  });
});

test("two coroutines sleep at the same time", () => {
  const start = performance.now();
  running(function* () {
    yield* gather([sleep(400), sleep(400)]);
  });
  const wall = performance.now() - start;
  assertGreater(wall, 399);
  assertLess(wall, 790);
});

test("sleep() never wakes a coroutine too early", () => {
  running(function* () {
    for (const time of [0.3, 1, 2.5, 7]) {
      const start = performance.now();
      yield* sleep(time);
      assertGreater(performance.now() - start, time - 0.001);
    }
  });
});

test("waitFor() cancels what takes too long, and waits for its finally block", () => {
  const lines: string[] = [];
  function* slow(): Coroutine {
    try {
      yield* sleep(10_000);
    } finally {
      yield* sleep(20);
      lines.push("tidy");
    }
  }
  running(function* () {
    assertInstanceOf(yield* errorOf(waitFor(slow(), 10)), TimeoutError);
    assertEquals(lines, ["tidy"]);
    assertEquals(yield* waitFor(nap("in time", 1), 10_000), "in time");
  });
});

test("waitFor() gives a result that is there when it is cancelled, as Python 3.11 does", () => {
  running(function* () {
    const future = new Future<string>();
    const waiting = createTask(waitFor(future, 1000));
    yield* sleep(0);
    future.setResult("there");
    waiting.cancel();
    assertEquals(yield* waiting, "there");
  });
});

test("gather() of nothing is done at once, and wait() for nothing throws a RangeError", () => {
  running(function* () {
    assertEquals(yield* gather([]), []);
  });
  assertThrows(() => running(() => wait([])), RangeError, "nothing to wait for");
});

test("sleep() and waitFor() throw a RangeError for a time that is not a number", () => {
  for (const body of [() => sleep(NaN), () => waitFor(sleep(0), NaN)]) {
    assertThrows(() => running(body), RangeError, "not a number");
  }
});

test("a sleeping task can be cancelled in the round in which it is due", () => {
  const reports = reportsOf(function* () {
    const sleeping = createTask(sleep(5));
    yield* sleep(0);
    for (const end = performance.now() + 10; performance.now() < end;);
    yield* sleep(0); // now the task is due, and this coroutine has its turn before it
    sleeping.cancel();
    yield* wait([sleeping]);
    assertEquals(sleeping.cancelled(), true);
  });
  assertEquals(reports, []);
});

test("undefined and null can be thrown like anything else", () => {
  // deno-lint-ignore require-yield -- it throws at once
  function* throwing(nothing: undefined | null): Coroutine {
    throw nothing;
  }
  for (const nothing of [undefined, null]) {
    assertThrows(() => run(throwing(nothing)), TypeError, `${nothing} was thrown`);
  }
});

test("a DeadlockError names the tasks that wait, and their finally blocks run", () => {
  const lines: string[] = [];
  function* waiting(): Coroutine {
    try {
      yield* new Future();
    } finally {
      lines.push("finally");
    }
  }
  const body = function* (): Coroutine {
    createTask(waiting(), "anna");
    yield* waiting();
  };
  const error = assertThrows(() => running(body), DeadlockError);
  assertMatch(error.message, /nothing is left that could wake them: Task-\d+, anna$/);
  assertEquals(lines, ["finally", "finally"]);
});

test("an error that nobody retrieves is reported after its round, and then forgotten", () => {
  const seen: number[] = [];
  const reports = reportsOf(function* () {
    const start = performance.now();
    const original = console.error;
    console.error = (...parts: unknown[]) => {
      original(...parts);
      seen.push(performance.now() - start);
    };
    createTask(fail("lost"), "anna");
    const collected = createTask(fail("collected"), "boris");
    assertInstanceOf(yield* errorOf(collected), RangeError);
    yield* sleep(200);
    console.error = original;
  });
  assertEquals(reports, ["Task anna: its exception was never retrieved: RangeError: lost"]);
  assertLess(seen[0], 150); // long before the loop ends
});

test("an error that was only waited for is reported when the loop ends", () => {
  const reports = reportsOf(function* () {
    yield* wait([createTask(fail("only waited for"), "clara")]);
    yield* wait([createTask(sleep(0))]);
  });
  assertEquals(reports, [
    "Task clara: its exception was never retrieved: RangeError: only waited for",
  ]);
});

test("10,000 errors that nobody retrieves keep no memory until the loop ends", () => {
  let reported = 0;
  const reports = reportsOf(function* () {
    const original = console.error;
    console.error = () => reported++;
    for (let i = 0; i < 5000; i++) {
      createTask(fail("lost"));
      createTask(fail("only notified")).addDoneCallback(() => {});
      yield* sleep(0);
    }
    yield* sleep(1);
    console.error = original;
  });
  assertEquals(reported + reports.length, 10_000);
  assertLess(reports.length, 101);
});

test("a callback that throws is reported, and the loop goes on", () => {
  const reports = reportsOf(function* () {
    createTask(sleep(0)).addDoneCallback(() => {
      throw new Error("alas");
    });
    yield* sleep(5);
  });
  assertEquals(reports, ["Exception in a callback: Error: alas"]);
});

test("a task that is created at the very end is reported, and not waited for", () => {
  function* last(): Coroutine {
    try {
      yield* sleep(600_000);
    } finally {
      createTask(sleep(600_000), "anna");
    }
  }
  const reports = reportsOf(function* () {
    createTask(last());
    yield* sleep(0);
  });
  assertEquals(reports, ["Task anna: it was destroyed while it was pending"]);
});

test("a task publishes its states to subscribers, and to nobody else", () => {
  const switches = channel("coroutine");
  const messages: unknown[] = [];
  const listen = (message: unknown) => messages.push(message);
  const body = function* (): Coroutine {
    yield* createTask(nap("result"), "anna");
  };
  switches.subscribe(listen);
  try {
    running(body);
  } finally {
    switches.unsubscribe(listen);
  }
  running(body);
  const published = messages as { state: string; id: number; name: string }[];
  const anna = published.filter(({ name }) => name === "anna");
  const states = ["created", "running", "suspended", "running", "ended"];
  assertEquals(anna.map(({ state }) => state), states);
  assertEquals(new Set(anna.map(({ id }) => id)).size, 1);
  const main = published.filter(({ name }) => name !== "anna");
  assertEquals(main.map(({ state }) => state), states);
});

test("100,000 tasks take less than 200 MiB", async () => {
  const lesson = new URL("../lessons/13-event-loop/", import.meta.url);
  const { stdout } = await deno([
    "run",
    "-A",
    "--no-check",
    `data:text/javascript,${
      encodeURIComponent(`
        import { run } from "${lesson}event_loop.ts";
        import { createTask, gather } from "${lesson}tasks.ts";
        function* one() { return 1; }
        const sum = run((function* () {
          const ones = yield* gather(Array.from({ length: 100_000 }, () => createTask(one())));
          return ones.reduce((a, b) => a + b);
        })());
        const status = Deno.readTextFileSync("/proc/self/status");
        console.log(sum, /VmHWM:\\s+(\\d+)/.exec(status)[1] / 1024);`)
    }`,
  ]);
  const [sum, memory] = stdout.split(" ").map(Number);
  assertEquals(sum, 100_000);
  assertLess(memory, 200);
});

/** A listener and its port, while a coroutine runs. */
function* listening<Result>(body: (port: number, listener: number) => Coroutine<Result>) {
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, SOCK_NONBLOCK);
  try {
    return yield* body(getsockname(listener).port, listener);
  } finally {
    close(listener);
  }
}

/** Two ends of a connection for a coroutine, which returns those that it leaves open. */
function connected(body: (connection: number, peer: number) => Coroutine<number[]>): void {
  running(() =>
    listening(function* (port, listener) {
      const accepting = createTask(accept(listener));
      const connection = yield* connect({ host: "127.0.0.1", port });
      for (const fd of yield* body(connection, yield* accepting)) close(fd);
    })
  );
}

/** What arrives next, as a text. */
function* receive(connection: number): Coroutine<string> {
  const buffer = new Uint8Array(100);
  const length = yield* recv(connection, buffer);
  return new TextDecoder().decode(buffer.subarray(0, length));
}

function* send(connection: number, text: string): Coroutine {
  yield* sendAll(connection, new TextEncoder().encode(text));
}

test("a megabyte goes through two coroutines and back", () => {
  const message = Uint8Array.from({ length: 2 ** 20 }, (_, i) => 97 + i % 26);
  const expected = shout(message.slice());

  function* serve(listener: number): Coroutine {
    const connection = yield* accept(listener);
    const buffer = new Uint8Array(64 * 1024);
    for (let length; (length = yield* recv(connection, buffer)) > 0;) {
      yield* sendAll(connection, shout(buffer, length), length);
    }
    close(connection);
  }

  function* receiveAll(connection: number): Coroutine<Uint8Array> {
    const reply = new Uint8Array(message.length);
    for (let received = 0; received < reply.length;) {
      received += yield* recv(connection, reply.subarray(received));
    }
    return reply;
  }

  const reply = running(() =>
    listening(function* (port, listener) {
      const server = createTask(serve(listener));
      const connection = yield* connect({ host: "127.0.0.1", port });
      const [reply] = yield* gather([receiveAll(connection), sendAll(connection, message)]);
      close(connection);
      yield* server;
      return reply;
    })
  );
  assertEquals(reply, expected);
});

test("connect() throws ConnectionRefused where nobody listens", () => {
  const port = running(() =>
    listening(function* (port) {
      yield* sleep(0);
      return port;
    })
  );
  assertThrows(
    () => running(() => connect({ host: "127.0.0.1", port })),
    Deno.errors.ConnectionRefused,
  );
});

test("a second coroutine that waits for the same socket gets an Error", () => {
  running(() =>
    listening(function* (_, listener) {
      const first = createTask(accept(listener));
      const second = createTask(accept(listener));
      const { done } = yield* wait([first, second], { returnWhen: "FIRST_COMPLETED" });
      assertEquals(done, [second]);
      assertMatch(String(second.exception()), /another coroutine waits for descriptor \d+ already/);
      first.cancel();
    })
  );
});

test("close() cancels a coroutine that waits for the socket", () => {
  connected(function* (connection, peer) {
    const receiving = createTask(receive(connection));
    yield* sleep(1);
    close(connection);
    yield* wait([receiving]);
    assertEquals(receiving.cancelled(), true);
    return [peer];
  });
});

test("close() cancels a coroutine that was woken and has not gone on yet", () => {
  connected(function* (connection, peer) {
    const receiving = createTask(receive(connection));
    yield* sleep(1);
    yield* send(peer, "hello");
    // The selector reports both in one round, and this coroutine has its turn first.
    yield* sleep(0);
    close(connection);
    yield* wait([receiving]);
    assertEquals(receiving.cancelled(), true);
    return [peer];
  });
});

test("sockets with the numbers of others that close(2) itself has closed are waited for", () => {
  const numbers: number[][] = [];
  running(() =>
    listening(function* (port, listener) {
      for (let i = 0; i < 3; i++) {
        const accepting = createTask(accept(listener));
        const connection = yield* connect({ host: "127.0.0.1", port });
        const peer = yield* accepting;
        numbers.push([connection, peer]);
        for (const [from, to] of [[connection, peer], [peer, connection]]) {
          const receiving = createTask(receive(to));
          yield* sleep(0);
          yield* send(from, "hello");
          assertEquals(yield* waitFor(receiving, 1000), "hello");
        }
        rawClose(connection);
        rawClose(peer);
      }
    })
  );
  assertEquals(numbers, [numbers[0], numbers[0], numbers[0]]);
});

test("a coroutine that waits for a socket closed by close(2) is cancelled in the end", () => {
  running(() =>
    listening(function* (port, listener) {
      const accepting = createTask(accept(listener));
      const connection = yield* connect({ host: "127.0.0.1", port });
      const peer = yield* accepting;
      const receiving = createTask(receive(peer));
      yield* sleep(0);
      rawClose(peer);
      const another = createTask(accept(listener));
      const other = yield* connect({ host: "127.0.0.1", port }); // has the number of the closed one
      assertEquals(other, peer);
      yield* wait([receiving]);
      assertEquals(receiving.cancelled(), true);
      for (const fd of [connection, other, yield* another]) close(fd);
    })
  );
});

test("a coroutine that may not wait for a busy socket can still be cancelled", () => {
  connected(function* (connection, peer) {
    const first = createTask(receive(connection));
    yield* sleep(1);
    first.cancel();
    // This one has its turn before the first gets its error.
    const second = receive(connection);
    const { value } = second.next();
    assertInstanceOf(value, Future);
    yield* wait([first]);
    assertEquals(first.cancelled(), true);
    second.return("");
    return [connection, peer];
  });
});

test("recv() can be given up and called again", () => {
  connected(function* (connection, peer) {
    assertInstanceOf(yield* errorOf(waitFor(receive(connection), 5)), TimeoutError);
    yield* send(peer, "late");
    assertEquals(yield* receive(connection), "late");
    return [connection, peer];
  });
});

test("recv() lets others run even if bytes are there already", () => {
  connected(function* (connection, peer) {
    const lines: string[] = [];
    yield* send(peer, "x".repeat(1000));
    const reading = createTask((function* (): Coroutine {
      for (let i = 0; i < 1000; i++) yield* recv(connection, new Uint8Array(1));
      lines.push("1,000 bytes, one by one");
    })());
    yield* sleep(0);
    lines.push("the other");
    yield* reading;
    assertEquals(lines, ["the other", "1,000 bytes, one by one"]);
    return [connection, peer];
  });
});

test("a socket that no coroutine waits for does not keep the loop busy", () => {
  connected(function* (connection, peer) {
    yield* send(peer, "abc");
    assertEquals(yield* receive(connection), "abc"); // from now on it is registered
    yield* send(peer, "hello"); // which nobody asks for
    let rounds = 0;
    for (const end = performance.now() + 50; performance.now() < end; rounds++) yield* sleep(10);
    assertLess(rounds, 10);
    assertEquals(tryRecv(connection, new Uint8Array(9)), 5);
    return [connection, peer];
  });
});

test("sendAll() throws when the peer has closed, and no other coroutine notices", () => {
  connected(function* (connection, peer) {
    close(connection);
    const sending = createTask((function* () {
      for (let i = 0; i < 100; i++) {
        yield* sendAll(peer, new Uint8Array(1024));
        yield* sleep(1);
      }
    })());
    yield* wait([sending]);
    assertMatch((sending.exception() as Error).name, /^(BrokenPipe|ConnectionReset)$/);
    return [peer];
  });
});
