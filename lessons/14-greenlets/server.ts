/**
 * Lesson 14 · Greenlets: the server.
 *
 * The server of lesson 01 again, in straight-line code, with a greenlet for each client. `patchAll`
 * replaces the calls that it makes: where they would block the thread, only the greenlet waits, and
 * a hub lets the others run. With --plain they stay as they are, and block.
 *
 * Run:  deno run --allow-ffi lessons/14-greenlets/server.ts
 * Try:  deno run --allow-net lessons/14-greenlets/client.ts
 * Man:  epoll(7), accept(2), recv(2), send(2)
 */

import { isSystemError } from "../../shared/linux/errno.ts";
import { addressOf } from "../../shared/linux/socket.ts";
import { flag } from "../../shared/options.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { runMain, spawn } from "./greenlet.ts";
import { type Coroutine, sleep } from "./hub.ts";
import { accept, close, listen, patchAll, recv, sendAll } from "./monkey.ts";

const options = serverOptions({ plain: flag("leave the calls as they are, so that they block") });
if (!options.plain) patchAll();

const listener = listen(options);
console.log(`listening on ${addressOf(listener)}`);

// One buffer for all: no other greenlet runs between recv and sendAll, which copies what it keeps.
const buffer = new Uint8Array(64 * 1024);
let served = 0;

runMain(acceptAll);

function* acceptAll(): Coroutine {
  try {
    while (served < options.connections) {
      const connection = yield* accept(listener);
      spawn(handle, connection);
      yield* sleep(0); // Lets it begin. If its calls block, it also ends before this goes on.
    }
  } catch (error) {
    // The last client's greenlet has closed the listener; anything else is an error.
    if (served < options.connections) throw error;
  }
}

/** One client's greenlet: it serves the client, and the last one ends the server. */
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
      // Phase 1: this greenlet waits here. Its place in the code says where this client is, as in
      // lesson 01; no callback has to remember it.
      const length = yield* recv(connection, buffer);
      if (length === 0) break; // the client has finished sending
      // If the client does not read its replies, this greenlet waits here and reads nothing more.
      yield* sendAll(connection, shout(buffer, length), length);
    }
  } catch (error) {
    // A reset or a broken pipe ends this connection alone. Any other error is a bug in this script.
    if (!isSystemError(error)) throw error;
  } finally {
    close(connection);
  }
}
