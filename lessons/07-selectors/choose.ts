/**
 * Lesson 07 · selectors: the server with a choice of selectors.
 *
 * The same as server.ts, but `--selector` chooses select, poll or epoll. One interface does not
 * make them equal: select refuses a descriptor that does not fit into its set.
 *
 * Run:  deno run --allow-ffi lessons/07-selectors/choose.ts
 * Try:  deno run --allow-net lessons/07-selectors/client.ts
 * Man:  select(2), poll(2), epoll(7)
 */

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import {
  addressOf,
  isOutOfResources,
  listenTcp,
  SOCK_NONBLOCK,
  tryAccept4,
  tryRecv,
} from "../../shared/linux/socket.ts";
import { SELECTOR } from "../../shared/selectors/option.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions({ selector: SELECTOR });
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);
const buffer = new Uint8Array(64 * 1024);
const connections = new Map<number, Connection>();
using selector = new options.selector<() => void>();
selector.register(listener, READ, acceptOne);
let pause: number | undefined;
let served = 0;

while (served < options.connections) {
  // Phase 1 happens here, for all clients at once.
  const ready = selector.select(pause);
  if (pause !== undefined) watchListener(true);
  // The callbacks run one after another, in this thread: while one of them runs, no other does.
  for (const { data: callback } of ready) callback();
}

for (const connection of connections.values()) connection.close();
close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) add(new Connection(fd));
  else if (isOutOfResources(fd)) watchListener(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function add(connection: Connection) {
  try {
    selector.register(connection.fd, READ, () => advance(connection));
    connections.set(connection.fd, connection);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    connection.close(); // its descriptor does not fit into select's set
    console.error(`turned away: ${error.message}`);
  }
}

// While descriptors are short, the listener stays ready, and watching it would spin. So the next
// wait leaves it out, and lasts 100 ms at most.
function watchListener(watch: boolean) {
  selector.modify(listener, watch ? READ : 0, acceptOne);
  pause = watch ? undefined : 100;
}

function advance(connection: Connection) {
  const { want } = connection;
  const next = serve(connection);
  if (next === GONE) drop(connection);
  else if (next !== want) selector.modify(connection.fd, next, () => advance(connection));
}

/** Does what one client needs now, and returns what it waits for next. */
function serve(connection: Connection): Want {
  // Replies come first: while a client does not read them, nothing more is read from it.
  if (connection.unsent > 0) return connection.flush();
  // Phase 2, the copy, is inside this call. Phase 1 is not: without data, it returns EAGAIN.
  const length = tryRecv(connection.fd, buffer);
  if (length === -EAGAIN) return READ;
  if (length <= 0) return GONE; // 0 is the end of the input, less is a broken connection
  // What the socket does not take is kept, and sent by flush.
  return connection.send(shout(buffer, length), length);
}

function drop(connection: Connection) {
  selector.unregister(connection.fd);
  connections.delete(connection.fd);
  connection.close();
  served++;
}
