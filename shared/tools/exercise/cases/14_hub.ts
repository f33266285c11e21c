/**
 * What the hub of lesson 14 has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { joinAll, type Run, runMain, spawn } from "../../../../lessons/14-greenlets/greenlet.ts";
import {
  accept,
  close,
  connect,
  listen,
  patchAll,
  recv,
  sendAll,
} from "../../../../lessons/14-greenlets/monkey.ts";
import { getsockname } from "../../../linux/socket.ts";

type Module = typeof import("../../../../lessons/14-greenlets/hub.ts");
type Coroutine<Result = void> = import("../../../../lessons/14-greenlets/hub.ts").Coroutine<Result>;

/** The turns that a greenlet takes while an alarm is about to ring; they last for 50 ms or more. */
const TURNS = 300_000;

/** Runs a main greenlet, which has to come to its end. */
function runToEnd(main: Run<[], void>): void {
  let ended = false;
  try {
    runMain(function* () {
      yield* main() as Coroutine;
      ended = true;
    });
  } catch (error) {
    if (error !== undefined) throw error; // undefined, if the hub has ended before
  }
  assert(ended, "the main greenlet did not come to its end");
}

/** The cases, by what a correct hub does. */
export const cases = {
  "resumes greenlets when their time has come"({ sleep }: Module) {
    const seen: string[] = [];
    function* nap(name: string, milliseconds: number): Coroutine {
      yield* sleep(milliseconds);
      seen.push(name);
    }
    runToEnd(function* () {
      yield* joinAll([spawn(nap, "late", 80), spawn(nap, "early", 20), spawn(nap, "now", 0)]);
    });
    assert.deepEqual(seen, ["now", "early", "late"], `they went on in this order: ${seen}`);
  },
  "resumes greenlets that wait for sockets, and leaves them until then"() {
    const seen: string[] = [];
    patchAll();
    function* serve(listener: number): Coroutine {
      const connection = yield* accept(listener);
      const buffer = new Uint8Array(8);
      const length = yield* recv(connection, buffer);
      seen.push(`received ${buffer.subarray(0, length)}`);
      yield* sendAll(connection, buffer, length);
      close(connection);
    }
    runToEnd(function* () {
      const listener = listen({ host: "127.0.0.1", port: 0 });
      const server = spawn(serve, listener);
      const client = yield* connect(getsockname(listener));
      seen.push("connected");
      yield* sendAll(client, Uint8Array.of(1, 2, 3));
      const buffer = new Uint8Array(8);
      const length = yield* recv(client, buffer);
      seen.push(`got ${buffer.subarray(0, length)}`);
      yield* server.join();
      for (const fd of [client, listener]) close(fd);
    });
    assert.deepEqual(seen, ["connected", "received 1,2,3", "got 1,2,3"], `${seen}`);
  },
  "looks at the timers while a greenlet gives way again and again"({ after, sleep }: Module) {
    let rang = false;
    runToEnd(function* () {
      after(1, () => rang = true);
      for (let turn = 0; turn < TURNS && !rang; turn++) yield* sleep(0);
    });
    assert(rang, `the alarm did not ring within ${TURNS} turns`);
  },
  "runs nothing more once the main greenlet has ended"({ after, sleep, Waiter }: Module) {
    const late: string[] = [];
    runToEnd(function* () {
      const waiter = new Waiter();
      after(1, waiter.switch);
      after(1, () => late.push("a timer"));
      const end = performance.now() + 3; // both are due when the hub looks
      while (performance.now() < end);
      yield* waiter.get();
    });
    assert.deepEqual(late, [], `after the end, there came ${late}`);
    // Nor does it wait for those that are left.
    runToEnd(function* () {
      spawn(sleep, 60_000);
      yield* sleep(0);
    });
  },
  "ends with an error when nothing is left that could wake a greenlet"(
    { LoopExit, Waiter }: Module,
  ) {
    assert.throws(
      () =>
        runToEnd(function* () {
          yield* new Waiter().get();
        }),
      LoopExit,
      "a greenlet waits for what nobody will do",
    );
  },
};
