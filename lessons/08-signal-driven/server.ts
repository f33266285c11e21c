/**
 * Lesson 08 · Signal-driven I/O: the server.
 *
 * Nobody waits for the sockets: the program goes on, and the kernel interrupts it with a signal
 * when something has happened. SIGIO does not say where, and several become one; with --queued,
 * real-time signals wait in a queue, and each names its descriptor.
 *
 * Run:  deno run --allow-ffi lessons/08-signal-driven/server.ts
 * Try:  deno run --allow-net lessons/08-signal-driven/client.ts
 * Man:  fcntl(2) (F_SETOWN, F_SETSIG, O_ASYNC), signal(7), signalfd(2)
 */

import { Connection } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { poll, POLLIN, PollList } from "../../shared/linux/poll.ts";
import { readSignals, SIGIO, signalfd, SignalInfos } from "../../shared/linux/signal.ts";
import { signalProcess, signalThread, SIGRTMIN } from "../../shared/linux/signal.ts";
import { addressOf, isShortage, listenTcp, tryAccept4 } from "../../shared/linux/socket.ts";
import { tryRecv } from "../../shared/linux/socket.ts";
import { flag } from "../../shared/options.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions({ queued: flag("real-time signals, which queue up") });
const buffer = new Uint8Array(64 * 1024);
const connections = new Map<number, Connection>();
const ended = Promise.withResolvers<void>();
let [served, signals, messages, more] = [0, 0, 0, false];

const listener = listenTcp(options);
if (options.queued) waitForQueuedSignals();
else await goOnUntilInterrupted();
close(listener);

async function goOnUntilInterrupted() {
  // First the handler, then the signals: without a handler, the first of them would end the
  // process. While several are on their way, the handler runs once, so it has to look everywhere.
  Deno.addSignalListener("SIGIO", () => {
    signals++;
    look();
  });
  signalProcess(listener);
  console.log(`listening on ${addressOf(listener)}`);
  // The program could now do something else. This one looks now and then whether it could accept
  // somebody for whom there was no descriptor, since no second signal comes for the same client.
  const timer = setInterval(() => {
    acceptAll();
    if (more) look();
  }, 100);
  await ended.promise;
  clearInterval(timer);
}

function waitForQueuedSignals() {
  // Both signals wait until they are read. When the queue is full, the kernel sends SIGIO instead.
  const descriptor = signalfd(SIGRTMIN, SIGIO);
  const infos = new SignalInfos(64);
  const list = new PollList();
  list.add(descriptor, POLLIN);
  signalThread(listener, SIGRTMIN);
  console.log(`listening on ${addressOf(listener)}`);
  while (served < options.connections) {
    poll(list, 100);
    acceptAll();
    const count = readSignals(descriptor, infos);
    signals += count;
    for (let i = 0; i < count; i++) {
      // A signal can be older than its descriptor's present owner, which does no harm.
      if (infos.signal(i) === SIGRTMIN) drain(connections.get(infos.fd(i)));
      else look();
    }
    if (more) look();
  }
  close(descriptor);
}

function look() {
  for (more = true; more && served < options.connections;) { // a last signal may come after that
    more = false;
    acceptAll();
    for (const connection of connections.values()) drain(connection);
  }
}

function acceptAll() {
  while (true) {
    const fd = tryAccept4(listener);
    if (fd === -EAGAIN || isShortage(fd)) return;
    if (fd === -ECONNABORTED) continue;
    if (fd < 0) throw systemError("accept4", -fd, listener);
    if (options.queued) signalThread(fd, SIGRTMIN);
    else signalProcess(fd);
    connections.set(fd, new Connection(fd));
    drain(connections.get(fd)); // what came before the signals were asked for came without one
  }
}

/** Reads on until EAGAIN: there may have been several events for this one signal. */
function drain(connection: Connection | undefined) {
  if (connection === undefined) return;
  let unsent = connection.flush();
  for (let turn = 0; unsent === 0 && turn < 16; turn++) {
    const length = tryRecv(connection.fd, buffer);
    if (length === -EAGAIN) return;
    if (length <= 0) return drop(connection);
    messages++;
    unsent = connection.send(shout(buffer, length), length);
  }
  if (unsent < 0) drop(connection);
  else more ||= unsent === 0; // others have their turn first, but no signal will tell of the rest
}

function drop(connection: Connection) {
  connections.delete(connection.fd);
  connection.close();
  served++;
  if (connections.size === 0) console.log(`${signals} signals handled for ${messages} messages`);
  if (served >= options.connections) ended.resolve();
}
