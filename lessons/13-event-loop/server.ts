/**
 * Lesson 13 · An event loop: the server.
 *
 * What is done for a client stands in one function again, from top to bottom, as in the blocking
 * server of lesson 01. But where that one slept, this one says `yield*`: the loop goes on with
 * somebody else, and comes back when there is something to read.
 *
 * Run:  deno run --allow-ffi lessons/13-event-loop/server.ts
 * Try:  deno run --allow-net lessons/13-event-loop/client.ts
 * Man:  epoll(7), accept4(2), recv(2), send(2)
 */

import { addressOf, listenTcp, SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { type Coroutine, createTask, Future, run, wait } from "./event_loop.ts";
import { accept, close, recv, sendAll } from "./sockets.ts";

const options = serverOptions();
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);

// One for all: nobody else runs between recv and sendAll, which copies what it has to keep.
const buffer = new Uint8Array(64 * 1024);

run(main());

function* main(): Coroutine {
  const allGone = new Future();
  const accepting = createTask(acceptAll(allGone), "acceptAll");
  yield* wait<void>([accepting, allGone], { returnWhen: "FIRST_COMPLETED" });
  if (accepting.done()) accepting.result(); // which throws what went wrong
  close(listener);
}

function* acceptAll(allGone: Future): Coroutine {
  let served = 0;
  while (true) {
    const connection = yield* accept(listener);
    const task = createTask(serve(connection), `serve-${connection}`);
    task.addDoneCallback(() => {
      if (++served === options.connections) allGone.setResult();
      if (!task.cancelled()) task.result(); // which tells at once what went wrong in this script
    });
  }
}

function* serve(connection: number): Coroutine {
  try {
    while (true) {
      // Phase 1 is waited for here, by this client's coroutine and by nobody else.
      const bytes = yield* recv(connection, buffer);
      if (bytes.length === 0) break;
      // Who does not read is waited for here, so no more is read from him meanwhile.
      yield* sendAll(connection, shout(bytes));
    }
  } catch (error) {
    // A reset concerns this client alone; any other error is a fault of this script.
    if ((error as { syscall?: string }).syscall === undefined) throw error;
  } finally {
    close(connection);
  }
}
