/**
 * Lesson 08 · Signal-driven I/O: the server.
 *
 * No call waits for the sockets. The program does something else, and the kernel interrupts it with
 * a signal, SIGIO, when something happens. The signal does not say where, and several of them can
 * become one, so the handler has to check every socket.
 *
 * Run:  deno run --allow-ffi lessons/08-signal-driven/server.ts
 * Try:  deno run --allow-net lessons/08-signal-driven/client.ts
 * Man:  fcntl(2) (F_SETOWN, O_ASYNC), signal(7)
 */

import { Connection, GONE, READ } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { signalProcess } from "../../shared/linux/signal.ts";
import {
  addressOf,
  isOutOfResources,
  listenTcp,
  tryAccept4,
  tryRecv,
} from "../../shared/linux/socket.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions();
const listener = listenTcp(options);
const buffer = new Uint8Array(64 * 1024);
const connections = new Map<number, Connection>();
let [served, signals, messages] = [0, 0, 0];

// First the handler, then the signals: without a handler, the first SIGIO would end the process.
Deno.addSignalListener("SIGIO", () => {
  signals++;
  look();
});
signalProcess(listener);
console.log(`listening on ${addressOf(listener)}`);

// From here on, the program could do something else. This one only checks now and then for a client
// that found no free descriptor: the kernel sends no second signal for it.
const timer = setInterval(look, 100);

function look() {
  if (served >= options.connections) return; // a last signal may come after the end
  acceptAll();
  let more = false;
  for (const connection of connections.values()) more = drain(connection) || more;
  if (served >= options.connections) end();
  else if (more) queueMicrotask(look);
}

function acceptAll() {
  while (true) {
    const fd = tryAccept4(listener);
    if (fd === -EAGAIN || isOutOfResources(fd)) return;
    if (fd === -ECONNABORTED) continue;
    if (fd < 0) throw systemError("accept4", -fd, listener);
    signalProcess(fd);
    connections.set(fd, new Connection(fd)); // look() drains it: earlier data caused no signal
  }
}

/** Reads until EAGAIN, since there may have been several events. Returns whether there is more. */
function drain(connection: Connection): boolean {
  let want = connection.flush();
  for (let turn = 0; want === READ; turn++) {
    if (turn === 16) return true; // the other clients have their turn first
    const length = tryRecv(connection.fd, buffer);
    if (length === -EAGAIN) return false;
    if (length > 0) messages++;
    want = length <= 0 ? GONE : connection.send(shout(buffer, length), length);
  }
  if (want === GONE) drop(connection);
  return false;
}

function drop(connection: Connection) {
  connections.delete(connection.fd);
  connection.close();
  served++;
  if (connections.size === 0) console.log(`${signals} signals for ${messages} messages`);
}

function end() {
  clearInterval(timer);
  for (const connection of connections.values()) connection.close();
  close(listener);
}
