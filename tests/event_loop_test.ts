/** Lesson 13: what its loop promises, beyond the order of things (see crosscheck_test.ts). */

import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Coroutine,
  createTask,
  DeadlockError,
  Future,
  gather,
  run,
  sleep,
  TimeoutError,
  wait,
  waitFor,
} from "../lessons/13-event-loop/event_loop.ts";
import { accept, close, connect, recv, sendAll } from "../lessons/13-event-loop/sockets.ts";
import { getsockname, listenTcp, SOCK_NONBLOCK, tryRecv } from "../shared/linux/socket.ts";
import { shout } from "../shared/shout.ts";
import { deno } from "./processes.ts";

/** Runs a coroutine that is written in place. */
function within<Result>(body: () => Coroutine<Result>): Result {
  return run(body());
}

Deno.test("13 event-loop: run() gives the coroutine's result, or throws its error", () => {
  assertEquals(
    // deno-lint-ignore require-yield -- a coroutine that never waits
    within(function* () {
      return 7;
    }),
    7,
  );
  const error = assertThrows(() =>
    within(function* () {
      yield* sleep(1);
      throw new RangeError("alas");
    }), RangeError);
  assertEquals(error.message, "alas");
});

Deno.test("13 event-loop: a loop within a loop is refused", () => {
  within(function* () {
    assertThrows(() => run(sleep(0)), Error, "from a running event loop");
    yield* sleep(0);
  });
  assertThrows(() => createTask(sleep(0)), Error, "no running event loop");
});

Deno.test("13 event-loop: a yield without its star is told, and finally is honoured", () => {
  const lines: string[] = [];
  assertThrows(
    () =>
      within(function* () {
        try {
          yield sleep(1) as never;
        } finally {
          lines.push("finally");
        }
      }),
    TypeError,
    "yield*",
  );
  assertEquals(lines, ["finally"]);
});

Deno.test("13 event-loop: two that sleep do so at the same time (S10)", () => {
  const start = performance.now();
  within(function* () {
    yield* gather([sleep(400), sleep(400)]);
  });
  const wall = performance.now() - start;
  assertGreater(wall, 399);
  assertLess(wall, 790);
});

Deno.test("13 event-loop: nobody is woken too early", () => {
  within(function* () {
    for (const time of [0.3, 1, 2.5, 7]) {
      const start = performance.now();
      yield* sleep(time);
      assertGreater(performance.now() - start, time - 0.001);
    }
  });
});

Deno.test("13 event-loop: waitFor() cancels what takes too long, and waits for its finally", () => {
  const lines: string[] = [];
  function* slow(): Coroutine {
    try {
      yield* sleep(10_000);
    } finally {
      yield* sleep(20);
      lines.push("tidy");
    }
  }
  within(function* () {
    let error: unknown;
    try {
      yield* waitFor(slow(), 10);
    } catch (caught) {
      error = caught;
    }
    assertEquals(error instanceof TimeoutError, true);
    assertEquals(lines, ["tidy"]);
    assertEquals(
      yield* waitFor(
        (function* () {
          yield* sleep(1);
          return "in time";
        })(),
        10_000,
      ),
      "in time",
    );
  });
});

Deno.test("13 event-loop: wait() for nobody is refused, and gather() of nothing is done", () => {
  const body = function* () {
    assertEquals(yield* gather([]), []);
    yield* wait([]);
  };
  assertThrows(() => within(body), RangeError, "nothing to wait for");
});

Deno.test("13 event-loop: a time that is not a number is refused", () => {
  for (const body of [() => sleep(NaN), () => waitFor(sleep(0), NaN)]) {
    assertThrows(() => within(body), RangeError, "not a number");
  }
});

Deno.test("13 event-loop: a sleeper can be cancelled in the round in which it is due", async () => {
  const { code, stdout, stderr } = await deno([
    "eval",
    `import { createTask, run, sleep, wait } from "./lessons/13-event-loop/event_loop.ts";
    run((function* () {
      const sleeping = createTask(sleep(5));
      yield* sleep(0);
      for (const end = performance.now() + 10; performance.now() < end;);
      yield* sleep(0); // now the sleeper is due, and this one has its turn before him
      sleeping.cancel();
      yield* wait([sleeping]);
      console.log(sleeping.cancelled());
    })());`,
  ]);
  assertEquals([code, stdout, stderr], [0, "true\n", ""]);
});

Deno.test("13 event-loop: undefined and null can be thrown like anything else", () => {
  // deno-lint-ignore require-yield -- it throws at once
  function* fail(nothing: undefined | null): Coroutine {
    throw nothing;
  }
  for (const nothing of [undefined, null]) {
    assertThrows(() => run(fail(nothing)), TypeError, `${nothing} was thrown`);
  }
});

Deno.test("13 event-loop: a deadlock is an error that names who waits, and tidies up", () => {
  const lines: string[] = [];
  function* forEver(): Coroutine {
    try {
      yield* new Future();
    } finally {
      lines.push("finally");
    }
  }
  const error = assertThrows(() =>
    within(function* () {
      createTask(forEver(), "anna");
      yield* forEver();
    }), DeadlockError);
  assertMatch(error.message, /nothing is left that could wake them: Task-\d+, anna$/);
  assertEquals(lines, ["finally", "finally"]);
});

Deno.test("13 event-loop: an error that nobody collects is told, and no other", async () => {
  const { stdout, stderr } = await deno([
    "eval",
    `import { createTask, run, sleep, wait } from "./lessons/13-event-loop/event_loop.ts";
    function* fail(text) { yield* sleep(0); throw new Error(text); }
    run((function* () {
      createTask(fail("lost"), "anna");
      const collected = createTask(fail("collected"), "boris");
      yield* wait([createTask(fail("only waited for"), "clara")]);
      console.log(collected.exception().message);
    })());`,
  ]);
  assertEquals(stdout, "collected\n");
  assertMatch(stderr, /^Task anna: its exception was never retrieved: Error: lost\n/);
  assertMatch(stderr, /^Task clara: its exception was never retrieved: Error: only waited for\n/m);
  assertEquals(stderr.includes("boris"), false);
});

Deno.test("13 event-loop: a callback that throws is told, and the loop goes on", async () => {
  const { code, stdout, stderr } = await deno([
    "eval",
    `import { createTask, run, sleep } from "./lessons/13-event-loop/event_loop.ts";
    run((function* () {
      createTask(sleep(0)).addDoneCallback(() => { throw new Error("alas"); });
      yield* sleep(5);
      console.log("goes on");
    })());`,
  ]);
  assertEquals([code, stdout], [0, "goes on\n"]);
  assertMatch(stderr, /^Exception in a callback: Error: alas\n/);
});

Deno.test("13 event-loop: a task begun at the very end is told, and not waited for", async () => {
  const { code, stderr } = await deno([
    "eval",
    `import { createTask, run, sleep } from "./lessons/13-event-loop/event_loop.ts";
    function* last() {
      try { yield* sleep(600_000); } finally { createTask(sleep(600_000), "anna"); }
    }
    run((function* () {
      createTask(last());
      yield* sleep(0);
    })());`,
  ]);
  assertEquals([code, stderr], [0, "Task anna: it was destroyed while it was pending\n"]);
});

Deno.test("13 event-loop: 100,000 tasks take less than 200 MiB", async () => {
  const { stdout } = await deno([
    "run",
    "-A",
    "--no-check",
    `data:text/javascript,${
      encodeURIComponent(`
        import { createTask, gather, run } from "${new URL(
        "../lessons/13-event-loop/event_loop.ts",
        import.meta.url,
      )}";
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

/** A listener and what it listens on, for as long as a coroutine runs. */
function* listening<Result>(body: (port: number, listener: number) => Coroutine<Result>) {
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, SOCK_NONBLOCK);
  try {
    return yield* body(getsockname(listener).port, listener);
  } finally {
    close(listener);
  }
}

/** Two ends of a connection for a coroutine, which gives back those that it leaves open. */
function connected(body: (connection: number, peer: number) => Coroutine<number[]>) {
  return listening(function* (port, listener) {
    const accepting = createTask(accept(listener));
    const connection = yield* connect({ host: "127.0.0.1", port });
    for (const fd of yield* body(connection, yield* accepting)) close(fd);
  });
}

Deno.test("13 event-loop: a megabyte goes through two coroutines and back", () => {
  const message = Uint8Array.from({ length: 2 ** 20 }, (_, i) => 97 + i % 26);
  const expected = shout(message.slice());

  function* serve(listener: number): Coroutine {
    const connection = yield* accept(listener);
    for (let bytes; (bytes = yield* recv(connection)).length > 0;) {
      yield* sendAll(connection, shout(bytes));
    }
    close(connection);
  }

  function* receive(connection: number): Coroutine<Uint8Array> {
    const reply = new Uint8Array(message.length);
    for (let received = 0; received < reply.length;) {
      const bytes = yield* recv(connection);
      reply.set(bytes, received);
      received += bytes.length;
    }
    return reply;
  }

  const reply = within(() =>
    listening(function* (port, listener) {
      const server = createTask(serve(listener));
      const connection = yield* connect({ host: "127.0.0.1", port });
      const [reply] = yield* gather([receive(connection), sendAll(connection, message)]);
      close(connection);
      yield* server;
      return reply;
    })
  );
  assertEquals(reply, expected);
});

Deno.test("13 event-loop: connecting where nobody listens is refused", () => {
  const { port } = within(() =>
    // deno-lint-ignore require-yield -- it takes a port and gives it back
    listening(function* (port) {
      return { port };
    })
  );
  assertThrows(
    () => within(() => connect({ host: "127.0.0.1", port })),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("13 event-loop: a second one who waits for the same socket is refused", () => {
  within(() =>
    listening(function* (_, listener) {
      const first = createTask(accept(listener));
      const second = createTask(accept(listener));
      const { done } = yield* wait([first, second], { returnWhen: "FIRST_COMPLETED" });
      assertEquals(done, [second]);
      assertStringIncludes(
        String(second.exception()),
        "somebody waits for this descriptor already",
      );
      first.cancel();
    })
  );
});

Deno.test("13 event-loop: closing a socket cancels who waits for it", () => {
  within(() =>
    connected(function* (connection) {
      const receiving = createTask(recv(connection));
      yield* sleep(1);
      close(connection);
      yield* wait([receiving]);
      assertEquals(receiving.cancelled(), true);
      return [];
    })
  );
});

Deno.test("13 event-loop: closing a socket cancels who was woken and has not gone on yet", () => {
  within(() =>
    connected(function* (connection, peer) {
      const receiving = createTask(recv(connection));
      yield* sleep(1);
      yield* sendAll(peer, new Uint8Array(3));
      // The selector tells of both in one round, and this one has its turn first.
      yield* sleep(0);
      close(connection);
      yield* wait([receiving]);
      assertEquals(receiving.cancelled(), true);
      return [peer];
    })
  );
});

Deno.test("13 event-loop: who is cancelled hears of it, although another waits already", () => {
  within(() =>
    connected(function* (connection, peer) {
      const first = createTask(recv(connection));
      yield* sleep(1);
      first.cancel();
      // This one has its turn before the first has heard of it.
      const second = recv(connection);
      const { value } = second.next();
      assertEquals(value instanceof Future, true);
      yield* wait([first]);
      assertEquals(first.cancelled(), true);
      second.return(new Uint8Array());
      return [connection, peer];
    })
  );
});

Deno.test("13 event-loop: what recv() gives belongs to who has asked", () => {
  within(() =>
    connected(function* (connection, peer) {
      yield* sendAll(peer, new TextEncoder().encode("hello"));
      yield* sendAll(connection, new TextEncoder().encode("world"));
      const both = yield* gather([recv(connection), recv(peer)]);
      assertEquals(both.map((bytes) => new TextDecoder().decode(bytes)), ["hello", "world"]);
      return [connection, peer];
    })
  );
});

Deno.test("13 event-loop: recv() can be given up, and asked again", () => {
  within(() =>
    listening(function* (port, listener) {
      const accepting = createTask(accept(listener));
      const connection = yield* connect({ host: "127.0.0.1", port });
      const peer = yield* accepting;
      let error: unknown;
      try {
        yield* waitFor(recv(connection), 5);
      } catch (caught) {
        error = caught;
      }
      assertEquals(error instanceof TimeoutError, true);
      yield* sendAll(peer, new TextEncoder().encode("late"));
      assertEquals(new TextDecoder().decode(yield* recv(connection)), "late");
      close(connection);
      close(peer);
    })
  );
});

Deno.test("13 event-loop: a socket that nobody waits for does not keep the loop busy", () => {
  within(() =>
    listening(function* (port, listener) {
      const accepting = createTask(accept(listener));
      const connection = yield* connect({ host: "127.0.0.1", port });
      const peer = yield* accepting;
      yield* sendAll(peer, new Uint8Array(3));
      yield* recv(connection); // from now on it is registered
      yield* sendAll(peer, new Uint8Array(5)); // and there is something that nobody asks for
      let rounds = 0;
      const end = performance.now() + 50;
      while (performance.now() < end) {
        yield* sleep(10);
        rounds++;
      }
      assertLess(rounds, 10);
      assertEquals(tryRecv(connection, new Uint8Array(9)), 5);
      close(connection);
      close(peer);
    })
  );
});

Deno.test("13 event-loop: sending to who has gone throws, and concerns nobody else", () => {
  within(() =>
    listening(function* (port, listener) {
      const accepting = createTask(accept(listener));
      close(yield* connect({ host: "127.0.0.1", port }));
      const peer = yield* accepting;
      const sending = createTask((function* () {
        for (let i = 0; i < 100; i++) {
          yield* sendAll(peer, new Uint8Array(1024));
          yield* sleep(1);
        }
      })());
      yield* wait([sending]);
      const { name } = sending.exception() as Error;
      assertMatch(name, /^(BrokenPipe|ConnectionReset)$/);
      close(peer);
    })
  );
});
