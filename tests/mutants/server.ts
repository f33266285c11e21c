/**
 * A right server and, with `--mutation NAME`, one of the wrong ones that people write. Each fault
 * is marked by its name; everything else is lesson 04 over poll.
 *
 * Run:  deno run --allow-ffi tests/mutants/server.ts --mutation ignores-the-end
 */

import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { poll, POLLIN, PollList, POLLOUT, POLLRDHUP } from "../../shared/linux/poll.ts";
import {
  addressOf,
  AF_INET,
  bind,
  isShortage,
  listen,
  setsockopt,
  SO_REUSEADDR,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryAccept4,
  tryRecv,
  trySend,
} from "../../shared/linux/socket.ts";
import { choice } from "../../shared/options.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { mutations } from "./mutations.ts";

const { mutation, ...options } = serverOptions({
  mutation: choice(
    ["none", "never-listens", ...mutations.map(({ name }) => name)],
    "none",
    "what it does wrong",
  ),
});

/** socket(7): several sockets may have the same address. */
const SO_REUSEPORT = 15;

if (mutation === "never-listens") await new Promise(() => setInterval(() => {}, 1000));
if (mutation === "is-deaf-to-signals") {
  // The loop below never lets a listener run.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => Deno.exit());
  }
}

const listener = openListener();
console.log(`listening on ${addressOf(listener)}`);

const buffer = new Uint8Array(64 * 1024);
/** What each client has yet to be sent, by descriptor. */
const unsent = new Map<number, Uint8Array<ArrayBuffer>>();
const leavesBlocking = mutation === "leaves-accepted-sockets-blocking" ||
  mutation === "waits-for-the-first-word";
let accepting = true;
let served = 0;

while (served < options.connections) {
  const list = new PollList();
  list.add(listener, accepting ? POLLIN : 0);
  for (const [fd, { length }] of unsent) list.add(fd, interestIn(length));
  const timeout = mutation === "never-sleeps" ? 0 : accepting ? -1 : 100;
  if (poll(list, timeout) === 0) accepting = true;
  if (list.revents(0) !== 0) acceptOne();
  for (let i = 1; i < list.length; i++) {
    if (list.revents(i) === 0) continue;
    const fd = list.fd(i);
    if (list.revents(i) & POLLRDHUP) drop(fd); // takes-half-for-all
    else if (list.revents(i) & POLLOUT) flush(fd);
    else answer(fd);
    if (mutation === "stays-with-one-until-a-pause") stay(fd);
  }
}

function stay(fd: number) {
  while (unsent.has(fd)) {
    const list = new PollList();
    list.add(fd, interestIn(unsent.get(fd)!.length));
    if (poll(list, 500) === 0) return;
    if (list.revents(0) & POLLOUT) flush(fd);
    else answer(fd);
  }
}

function openListener(): number {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  if (mutation !== "does-not-reuse-its-address") setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (mutation === "shares-its-port") setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  bind(fd, options);
  listen(fd, mutation === "has-a-short-backlog" ? 5 : undefined);
  return fd;
}

function interestIn(length: number): number {
  if (mutation === "takes-half-for-all") return (length > 0 ? POLLOUT : POLLIN) | POLLRDHUP;
  if (mutation === "reads-without-limit") return length > 0 ? POLLIN | POLLOUT : POLLIN;
  return length > 0 ? POLLOUT : POLLIN;
}

function acceptOne() {
  const fd = tryAccept4(listener, leavesBlocking ? 0 : SOCK_NONBLOCK);
  if (fd >= 0) welcome(fd);
  else if (isShortage(fd) && mutation === "spins-without-descriptors") return;
  else if (isShortage(fd) && mutation !== "dies-without-descriptors") accepting = false;
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

function welcome(fd: number) {
  unsent.set(fd, new Uint8Array());
  if (mutation === "counts-those-who-come") served++;
  if (mutation === "waits-for-the-first-word") answer(fd);
}

function answer(fd: number) {
  const length = tryRecv(fd, buffer);
  if (length === -EAGAIN) return;
  if (length === 0 && mutation === "ignores-the-end") return;
  if (length < 0 && mutation === "dies-of-a-reset") throw systemError("recv", -length, fd);
  if (length < 0 && mutation === "leaks-after-a-reset") return unsent.delete(fd);
  if (length <= 0) return drop(fd);
  send(fd, upperCase(buffer.subarray(0, length)));
  // Drains the socket, which is right only if it is non-blocking.
  if (mutation === "leaves-accepted-sockets-blocking" && unsent.has(fd)) answer(fd);
}

function upperCase(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (mutation !== "decodes-to-a-string") return shout(bytes);
  return new TextEncoder().encode(new TextDecoder().decode(bytes).toUpperCase());
}

function flush(fd: number) {
  const rest = unsent.get(fd)!;
  unsent.set(fd, new Uint8Array());
  send(fd, rest);
}

function send(fd: number, bytes: Uint8Array<ArrayBuffer>) {
  const waiting = unsent.get(fd)!;
  if (waiting.length > 0) return unsent.set(fd, concat(waiting, bytes)); // reads-without-limit
  let sent = trySend(fd, bytes);
  if (sent === -EAGAIN) sent = 0;
  if (sent < 0 && mutation === "dies-of-a-reset") throw systemError("send", -sent, fd);
  if (sent < 0 && mutation === "dies-of-a-broken-pipe") throw systemError("send", -sent, fd);
  if (sent < 0 && mutation === "leaks-after-a-reset") return unsent.delete(fd);
  if (sent < 0) return drop(fd);
  if (mutation === "forgets-partial-sends") return;
  while (mutation === "drops-replies-on-EAGAIN" && sent < bytes.length) {
    const more = trySend(fd, bytes.subarray(sent));
    if (more === -EAGAIN) return;
    sent += Math.max(0, more);
  }
  while (mutation === "waits-for-slow-readers" && sent < bytes.length) {
    sent += Math.max(0, trySend(fd, bytes.subarray(sent)));
  }
  if (mutation === "keeps-a-shared-buffer") unsent.set(fd, bytes.subarray(sent));
  else if (mutation === "sets-8-MiB-aside" && sent < bytes.length) {
    const room = new Uint8Array(8 * 1024 * 1024).fill(0);
    room.set(bytes.subarray(sent));
    unsent.set(fd, room.subarray(0, bytes.length - sent));
  } else unsent.set(fd, bytes.slice(sent));
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function drop(fd: number) {
  unsent.delete(fd);
  close(fd);
  if (mutation !== "counts-those-who-come") served++;
  accepting = true;
}
