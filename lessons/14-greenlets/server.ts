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

import type { SystemError } from "../../shared/linux/errno.ts";
import { addressOf } from "../../shared/linux/socket.ts";
import { flag } from "../../shared/options.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { runMain, sleep, spawn } from "./greenlet.ts";
import type { Waiting } from "./greenlet.ts";
import { accept, close, listen, patchAll, recv, sendAll } from "./monkey.ts";

const options = serverOptions({ plain: flag("leave the calls as they are, so that they block") });
if (!options.plain) patchAll();

const listener = listen(options);
console.log(`listening on ${addressOf(listener)}`);

// One for all: nobody else runs between recv and sendAll, which copies what it has to keep.
const buffer = new Uint8Array(64 * 1024);
let served = 0;

runMain(function* () {
  const acceptor = spawn(acceptAll);
  yield* acceptor.get(); // throws what has ended it
  close(listener);

  function* acceptAll(): Waiting {
    while (served < options.connections) {
      const connection = yield* accept(listener);
      spawn(serve, connection);
      // Lets the new greenlet begin. If its calls block, it also ends before this goes on.
      yield* sleep(0);
    }
  }

  function* serve(connection: number): Waiting {
    try {
      while (true) {
        // Phase 1: if nothing has arrived, this greenlet waits here. Its place in the code says
        // where this client stands, as in lesson 01; no callback has to remember it.
        const length = yield* recv(connection, buffer);
        if (length === 0) break; // the client has said all it had to say

        // If the client does not read, this greenlet waits here, and reads no more from it.
        yield* sendAll(connection, shout(buffer, length), length);
      }
    } catch (error) {
      // A reset or a broken pipe is this client's affair, and nothing to report. Any other error
      // ends this greenlet alone as well, and the hub reports it.
      if ((error as SystemError).syscall === undefined) throw error;
    } finally {
      close(connection);
      if (++served >= options.connections) acceptor.kill();
    }
  }
});
