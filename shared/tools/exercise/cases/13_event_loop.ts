/**
 * What the loop of lesson 13 has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Coroutine, Future } from "../../../../lessons/13-event-loop/futures.ts";
import {
  accept,
  close,
  connect,
  recv,
  sendAll,
} from "../../../../lessons/13-event-loop/sockets.ts";
import {
  createTask,
  sleep,
  TimeoutError,
  waitFor,
} from "../../../../lessons/13-event-loop/tasks.ts";
import { getsockname, listenTcp, SOCK_NONBLOCK } from "../../../linux/socket.ts";
import { EpollSelector } from "../../../selectors/epoll.ts";

type Module = typeof import("../../../../lessons/13-event-loop/event_loop.ts");

function* fail(message: string): Coroutine {
  yield* sleep(0);
  throw new RangeError(message);
}

/** Runs a coroutine, and returns what the loop reports meanwhile. */
function reportsOf({ run }: Module, main: () => Coroutine): string[] {
  const original = console.error;
  const reports: string[] = [];
  console.error = (...parts: unknown[]) => reports.push(parts.join(" "));
  try {
    run(main());
  } finally {
    console.error = original;
  }
  return reports;
}

/** Hands over both ends of a connection. */
function* withConnection<Result>(
  use: (client: number, server: number) => Coroutine<Result>,
): Coroutine<Result> {
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, SOCK_NONBLOCK);
  const client = yield* connect(getsockname(listener));
  const server = yield* accept(listener);
  try {
    return yield* use(client, server);
  } finally {
    for (const fd of [client, server, listener]) close(fd);
  }
}

/** Gives up waiting for a byte, which comes then; returns once it has come. */
function* giveUp(client: number, server: number): Coroutine {
  try {
    yield* waitFor(recv(server, new Uint8Array(1)), 5);
    assert.fail("there was nothing to receive");
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
  yield* sendAll(client, Uint8Array.of(7));
}

/** Counts calls of select from now on. */
function countSelects(): { calls: number } & Disposable {
  const { select } = EpollSelector.prototype;
  const counter = {
    calls: 0,
    [Symbol.dispose]: () => void (EpollSelector.prototype.select = select),
  };
  EpollSelector.prototype.select = function (timeout?: number) {
    counter.calls++;
    return select.call(this, timeout);
  };
  return counter;
}

/** The cases, by what a correct loop does. */
export const cases = {
  "reports the error of a task that nobody waits for"(module: Module) {
    const reports = reportsOf(module, function* () {
      createTask(fail("on purpose"), "job");
      yield* sleep(5);
    });
    const said = reports.length === 0 ? "it reported nothing" : `it reported: ${reports}`;
    assert.equal(reports.length, 1, said);
    assert.match(reports[0], /^Task job: .*RangeError: on purpose/, said);
  },
  "does not report an error that somebody has asked for"(module: Module) {
    let caught: unknown;
    const reports = reportsOf(module, function* () {
      try {
        yield* createTask(fail("on purpose"));
      } catch (error) {
        caught = error;
      }
    });
    assert(
      caught instanceof RangeError,
      "the coroutine that waits for the task did not get the error",
    );
    assert.deepEqual(reports, [], `it reported: ${reports}`);
  },
  "sleeps although bytes have come for which nobody waits any more"({ run }: Module) {
    const calls = run(withConnection(function* (client, server) {
      yield* giveUp(client, server);
      using counter = countSelects();
      yield* sleep(100);
      return counter.calls;
    }));
    assert(calls < 50, `select was called ${calls} times while everybody slept for 100 ms`);
  },
  "reads these bytes when somebody waits for them again"({ run }: Module) {
    run(withConnection(function* (client, server) {
      yield* giveUp(client, server);
      yield* sleep(5);
      const buffer = new Uint8Array(1);
      const length = yield* waitFor(recv(server, buffer), 2000);
      assert.deepEqual([length, buffer[0]], [1, 7], `received ${length} bytes: ${buffer}`);
    }));
  },
  "throws a DeadlockError when nothing is left that could wake a task"(
    { run, DeadlockError }: Module,
  ) {
    assert.throws(
      () => {
        run((function* (): Coroutine {
          yield* new Future();
        })());
      },
      DeadlockError,
      "a coroutine waits for what nobody will give it",
    );
  },
};
