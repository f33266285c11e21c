/**
 * Lesson 13 · An event loop: the server.
 *
 * Everything that is done for a client is in one function again, from top to bottom, as in the
 * blocking server of lesson 01. But where that one slept, this one says `yield*`: the loop goes on
 * with another client, and comes back when there is something to read.
 *
 * Run:  deno run --allow-ffi lessons/13-event-loop/server.ts
 * Try:  deno run --allow-net lessons/13-event-loop/client.ts
 * Man:  epoll(7), accept4(2), recv(2), send(2)
 */

import { isSystemError } from "../../shared/linux/errno.ts";
import { addressOf, listenTcp, SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { run } from "./event_loop.ts";
import type { Coroutine } from "./futures.ts";
import { accept, close, recv, sendAll } from "./sockets.ts";
import { createTask } from "./tasks.ts";

const options = serverOptions();
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);

// One buffer for all: no other coroutine runs between recv and sendAll, which copies what it keeps.
const buffer = new Uint8Array(64 * 1024);
let served = 0;

run(acceptAll());

function* acceptAll(): Coroutine {
  try {
    while (served < options.connections) {
      const connection = yield* accept(listener);
      createTask(handle(connection), `serve-${connection}`);
    }
  } catch (error) {
    // The last client's coroutine has closed the listener; anything else is an error.
    if (served < options.connections) throw error;
  }
}

/** One client's task: it serves the client, and the last one ends the server. */
function* handle(connection: number): Coroutine {
  try {
    yield* serve(connection);
  } finally {
    if (++served === options.connections) close(listener);
  }
}

function* serve(connection: number): Coroutine {
  try {
    while (true) {
      // Phase 1, the wait, holds up this client's coroutine and no other.
      const length = yield* recv(connection, buffer);
      if (length === 0) break; // the client has finished sending
      // If the client does not read its replies, this coroutine waits here and reads nothing more.
      yield* sendAll(connection, shout(buffer, length), length);
    }
  } catch (error) {
    // A reset or a broken pipe ends this connection alone. Any other error is a bug in this script.
    if (!isSystemError(error)) throw error;
  } finally {
    close(connection);
  }
}
