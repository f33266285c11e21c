/**
 * Lesson 08 · Signal-driven I/O: the server with queued signals.
 *
 * Real-time signals wait in a queue, and each names its descriptor, so the server checks only that
 * one. It reads them from a signalfd, which is a descriptor like any other. When the queue is full,
 * the kernel sends a SIGIO instead, and the server has to check every socket.
 *
 * Run:  deno run --allow-ffi lessons/08-signal-driven/queued.ts
 * Try:  deno run --allow-net lessons/08-signal-driven/client.ts
 * Man:  fcntl(2) (F_SETOWN_EX, F_SETSIG), signal(7), signalfd(2)
 */

import { Connection, GONE, READ } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { poll, POLLIN, PollList } from "../../shared/linux/poll.ts";
import {
  readSignals,
  SIGIO,
  signalfd,
  SignalInfos,
  signalThread,
  SIGRTMIN,
} from "../../shared/linux/signal.ts";
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
const queue = signalfd(SIGRTMIN, SIGIO); // from here on, both wait until they are read
const infos = new SignalInfos(64);
const list = new PollList();
list.add(queue, POLLIN);
signalThread(listener, SIGRTMIN);
console.log(`listening on ${addressOf(listener)}`);
let more = false; // some clients have not been read until EAGAIN
while (served < options.connections) {
  // Sleeps until there is a signal, and checks now and then for a client that found no descriptor.
  poll(list, more ? 0 : 100);
  acceptAll();
  const count = readSignals(queue, infos);
  signals += count;
  let everywhere = more;
  for (let i = 0; i < count; i++) {
    // By now the descriptor may belong to a newer client, which does no harm.
    const connection = connections.get(infos.fd(i));
    if (infos.signal(i) === SIGIO) everywhere = true;
    else if (connection !== undefined && drain(connection)) more = true;
  }
  if (everywhere) more = [...connections.values()].filter(drain).length > 0;
}

for (const connection of connections.values()) connection.close();
close(listener);
close(queue);

function acceptAll() {
  while (true) {
    const fd = tryAccept4(listener);
    if (fd === -EAGAIN || isOutOfResources(fd)) return;
    if (fd === -ECONNABORTED) continue;
    if (fd < 0) throw systemError("accept4", -fd, listener);
    signalThread(fd, SIGRTMIN);
    const connection = new Connection(fd);
    connections.set(fd, connection);
    // Data that arrived before O_ASYNC was set caused no signal.
    if (drain(connection)) more = true;
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
