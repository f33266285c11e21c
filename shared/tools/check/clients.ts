/**
 * The clients that visit a server under test: patient, slow, silent, greedy and rude ones.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { setTimeout as sleep } from "node:timers/promises";
import { close } from "../../linux/descriptors.ts";
import { EAGAIN, EINPROGRESS, systemError } from "../../linux/errno.ts";
import {
  type Address,
  AF_INET,
  setsockopt,
  SO_LINGER,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryConnect,
  trySend,
} from "../../linux/socket.ts";
import { connectOnce } from "../../ready.ts";
import { shout } from "../../shout.ts";
import { Child } from "../process/child.ts";
import { deadline } from "./deadline.ts";
import type { Server, Subject } from "./server.ts";

const [SOCKETS, DESCRIPTORS] = ["socket", "descriptors"]
  .map((name) => new URL(`../../linux/${name}.ts`, import.meta.url).href);
/** How long a server may take for what it has to do at once, in milliseconds. */
const PATIENCE = 2000;

/** 1 MiB, in bytes. */
export const MEBIBYTE = 1024 * 1024;

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

const connections = new Set<Deno.TcpConn>();

/** Connects, without waiting for the server to be ready. */
export async function connect(address: Address): Promise<Deno.TcpConn> {
  const connection = await connectOnce(address);
  connections.add(connection);
  return connection;
}

/** Closes the connections to a server that are left when a scenario has failed in the middle. */
export function disconnectAll({ port }: Address): void {
  for (const connection of connections) {
    if (connection.remoteAddr.port !== port) continue;
    connection[Symbol.dispose]();
    connections.delete(connection);
    incomplete.delete(connection);
  }
}

/** Sends all of a message. `taken` gets the number of bytes each time that some were taken. */
export async function sendAll(
  connection: Deno.Conn,
  message: Uint8Array,
  taken: (length: number) => void = () => {},
): Promise<void> {
  for (let sent = 0; sent < message.length;) {
    const length = await connection.write(message.subarray(sent));
    sent += length;
    taken(length);
  }
}

/**
 * Sends a message on each connection and reads nothing, until no more is taken, or for two seconds.
 */
export async function sendUntilFull(
  connections: readonly Deno.Conn[],
  message: Uint8Array,
): Promise<void> {
  let sent = 0;
  for (const connection of connections) {
    ignoreRejection(sendAll(connection, message, (length) => sent += length));
  }
  await untilStill(() => sent);
}

/** Waits until a number has not changed for 80 ms, or for two seconds. */
export async function untilStill(current: () => number): Promise<void> {
  const end = performance.now() + PATIENCE;
  let before = current();
  for (let still = 0; still < 8 && performance.now() < end; still++) {
    await sleep(10);
    if (current() !== before) still = 0;
    before = current();
  }
}

/** How far the replies to a server's clients have come that are still incomplete. */
const incomplete = new Map<Deno.Conn, { received: number; total: number }>();

/** How many bytes some client of a server has received that waits for more; empty if none does. */
export function progressOf({ port }: Address): string {
  for (const [connection, { received, total }] of incomplete) {
    const { port: remote } = connection.remoteAddr as Deno.NetAddr;
    if (remote === port) return `, with ${received} of ${total} bytes of the reply`;
  }
  return "";
}

/** Receives the reply to a message, and fails at the first byte that is missing or wrong. */
export async function expectReply(
  connection: Deno.Conn,
  message: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const expected = shout(message.slice());
  const piece = new Uint8Array(64 * 1024);
  for (let received = 0; received < expected.length;) {
    incomplete.set(connection, { received, total: expected.length });
    const length = await connection.read(piece).catch(({ message }: Error) =>
      assert.fail(`${message}, after ${received} of ${expected.length} bytes of the reply`)
    );
    assert(length !== null, `the reply ended after ${received} of ${expected.length} bytes`);
    assert(received + length <= expected.length, "the reply is longer than the message");
    expectBytes(
      piece.subarray(0, length),
      expected.subarray(received, received + length),
      received,
    );
    received += length;
  }
  incomplete.delete(connection);
}

/** Fails unless the server closes the connection as well. */
export async function expectEnd(connection: Deno.Conn): Promise<void> {
  const end = connection.read(new Uint8Array(1));
  const length = await deadline(end, PATIENCE, "the server did not close the connection");
  assert.equal(length, null, "the server sent more than the message");
}

/** Fails at the first byte of a piece of the reply that differs. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array, offset: number): void {
  if (Buffer.compare(actual, expected) === 0) return; // 40 times as fast as the loop
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] === expected[i]) continue;
    assert.fail(`byte ${offset + i} of the reply is ${actual[i]} and should be ${expected[i]}`);
  }
}

/** Sends something on a connection, and receives the correct reply. */
export async function say(connection: Deno.Conn, text = "hello"): Promise<void> {
  const message = bytesOf(text);
  await Promise.all([sendAll(connection, message), expectReply(connection, message)]);
}

/** For a promise that is awaited later, or never: its rejection does not count as unhandled. */
export function ignoreRejection<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Fails unless something becomes true within two seconds. */
export async function eventually(
  isTrue: () => boolean,
  otherwise: string | (() => string),
): Promise<void> {
  for (const end = performance.now() + PATIENCE; performance.now() < end; await sleep(10)) {
    if (isTrue()) return;
  }
  assert.fail(typeof otherwise === "string" ? otherwise : otherwise());
}

/** A whole visit: connects, sends, ends its sending, receives the whole reply and then the end. */
export async function visit(
  address: Address,
  message: Uint8Array<ArrayBuffer> = bytesOf("hello"),
): Promise<void> {
  using connection = await connect(address);
  await complete(connection, message);
}

/** The rest of a visit, on a connection that is there already. */
export async function complete(
  connection: Deno.TcpConn,
  message: Uint8Array<ArrayBuffer> = bytesOf("hello"),
): Promise<void> {
  await Promise.all([
    sendAll(connection, message).then(() => connection.closeWrite()),
    expectReply(connection, message),
  ]);
  await expectEnd(connection);
}

/** Says something that is answered in whatever the server speaks. It can be said again. */
export async function greet(
  connection: Deno.Conn,
  { protocol }: Pick<Subject, "protocol">,
): Promise<void> {
  if (protocol === undefined) return await say(connection);
  // A name in a chat room has no space in it, so the room asks once more.
  await sendAll(connection, bytesOf("no name\n"));
  const piece = new Uint8Array(1024);
  for (let heard = ""; !heard.includes("* a name has");) {
    const length = await connection.read(piece);
    assert(length !== null, `the reply ended after ${heard.length} bytes`);
    heard += new TextDecoder().decode(piece.subarray(0, length));
  }
}

/** A whole visit in whatever the server speaks. */
export async function meet(server: Server): Promise<void> {
  using connection = await connect(server);
  await finish(connection, server.subject);
}

/** The rest of such a visit, on a connection that is there already. */
export async function finish(
  connection: Deno.TcpConn,
  subject: Pick<Subject, "protocol">,
): Promise<void> {
  if (subject.protocol === undefined) return await complete(connection);
  await greet(connection, subject);
  await connection.closeWrite();
  await expectEnd(connection);
}

/**
 * Connects, sends what is taken of a message, reads nothing, and resets the connection (RST) when
 * nothing more has been taken for `pause` milliseconds.
 */
export async function visitRudely(
  address: Address,
  message: Uint8Array<ArrayBuffer>,
  pause: number,
): Promise<void> {
  // Non-blocking, since a call that waits for a wrong server would stop the tests themselves.
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
  try {
    const result = tryConnect(fd, address);
    if (result < 0 && result !== -EINPROGRESS) throw systemError("connect", -result, fd);
    let [connected, end] = [false, performance.now() + PATIENCE];
    for (let rest = message; performance.now() < end;) {
      // EAGAIN until it is connected, even if there is nothing to send.
      const sent = trySend(fd, rest);
      if (sent < 0 && sent !== -EAGAIN) throw systemError("send", -sent, fd);
      if (sent > 0 || sent === 0 && !connected) {
        connected = true;
        end = performance.now() + pause;
      }
      rest = rest.subarray(Math.max(sent, 0));
      await sleep(1);
    }
    assert(connected, `the kernel did not connect the client within ${PATIENCE} ms`);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);
  } finally {
    close(fd);
  }
}

/** A client in a process of its own, which sends something, reads nothing, and is killed. */
export async function visitAndDie({ host, port }: Address): Promise<void> {
  const code = `
    const connection = await Deno.connect({ hostname: "${host}", port: ${port} });
    await connection.write(new Uint8Array(100_000));
    console.log("sent");
    await new Promise(() => setInterval(() => {}, 1000));`;
  await using _client = await runClient(code);
}

/**
 * A client in a process of its own, which sends as much as there is room for, reads all replies,
 * and never pauses, so that a server always finds something more to read; until it is disposed of.
 */
export async function talkWithoutEnd({ host, port }: Address): Promise<AsyncDisposable> {
  return await runClient(`
    const { connect, MSG_TRUNC, socket, tryRecv, trySend } = await import("${SOCKETS}");
    const { fcntl, F_SETFL, O_NONBLOCK } = await import("${DESCRIPTORS}");
    const fd = socket(${AF_INET}, ${SOCK_STREAM});
    connect(fd, { host: "${host}", port: ${port} });
    fcntl(fd, F_SETFL, O_NONBLOCK);
    const bytes = new Uint8Array(256 * 1024);
    for (let i = 0; i < 20_000_000; i++) {
      trySend(fd, bytes);
      tryRecv(fd, bytes, bytes.length, MSG_TRUNC); // discards the reply without copying it
      if (i === 10_000) console.log("talking");
    }`);
}

/** Runs a client until it prints something; then it goes on until it is disposed of. */
async function runClient(code: string): Promise<AsyncDisposable> {
  const begun = Promise.withResolvers<true>();
  const client = new Child([Deno.execPath(), "eval", "--quiet", code], {
    onLine: () => begun.resolve(true),
  });
  if (await Promise.race([begun.promise, client.ended]) === true) return client;
  return assert.fail(`the client ended before it had sent anything: ${client.errors[0] ?? ""}`);
}

/** Numbers that look random, the same in every run. */
export function* pseudoRandom(seed: number): Generator<number, never> {
  // The generator of C's rand(), as POSIX gives it as an example.
  for (let state = seed;;) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    yield (state >>> 16) & 0x7fff;
  }
}

/** Bytes with every value in them, whose period does not divide any buffer's size. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i + (i >> 8) + Math.floor(i / 65_521);
  return bytes;
}
