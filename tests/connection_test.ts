/** `shared/connection.ts`: what the kernel does not take at once. */

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { Connection } from "../shared/connection.ts";
import { EBADF, ECONNRESET, EPIPE } from "../shared/linux/errno.ts";
import {
  MSG_DONTWAIT,
  recv,
  setsockopt,
  SO_LINGER,
  SO_SNDBUF,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  tryRecv,
} from "../shared/linux/socket.ts";
import { openDescriptors, Pair } from "./sockets.ts";

/**
 * A non-blocking connection into which little fits, and its other side. The receiving side is left
 * as it is: one without room makes the kernel wait 200 ms before it looks for some again.
 */
function narrow(): Pair {
  const pair = new Pair(SOCK_NONBLOCK);
  setsockopt(pair.server, SOL_SOCKET, SO_SNDBUF, 4096);
  return pair;
}

/** Sends pieces whose bytes tell where they belong, until one is not taken as a whole. */
function fill(connection: Connection, buffer: Uint8Array<ArrayBuffer>): number {
  let total = 0;
  for (let round = 0; connection.unsent === 0; round++) {
    assertLess(round, 10_000, "the socket takes everything");
    for (let i = 0; i < buffer.length; i++) buffer[i] = (total + i) % 251;
    assertEquals(connection.send(buffer, buffer.length), connection.unsent);
    total += buffer.length;
  }
  return total;
}

/**
 * Receives what is there, flushes, and goes on until `total` bytes have come; says at which byte
 * the order was wrong. Never waits, which would stop the runner if bytes were missing.
 */
function drain(pair: Pair, connection: Connection, total: number): { flushes: number } {
  const piece = new Uint8Array(10_000);
  let [received, flushes, idle] = [0, 0, 0];
  while (received < total) {
    const length = tryRecv(pair.client, piece, piece.length, MSG_DONTWAIT);
    for (let i = 0; i < length; i++, received++) {
      assertEquals(piece[i], received % 251, `byte ${received} is wrong`);
    }
    const before = connection.unsent;
    const kept = connection.flush();
    assertEquals(kept, connection.unsent);
    assert(kept <= before, "a flush has added something");
    if (kept < before) flushes++;
    // The kernel opens its window a moment after there is room.
    idle = length > 0 || kept < before ? 0 : idle + 1;
    if (idle > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    assertLess(idle, 2000, `only ${received} of ${total} bytes have come`);
  }
  return { flushes };
}

Deno.test("what the socket takes as a whole is not kept", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const connection = new Connection(pair.server);
  assertEquals([connection.fd, connection.unsent, connection.flush()], [pair.server, 0, 0]);
  const hello = new TextEncoder().encode("hello");
  assertEquals([connection.send(hello, 4), connection.unsent], [0, 0]);
  const buffer = new Uint8Array(10);
  assertEquals(recv(pair.client, buffer), 4);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, 4)), "hell");
});

Deno.test("what a socket takes in parts arrives as a whole and in order", () => {
  using pair = narrow();
  const connection = new Connection(pair.server);
  const buffer = new Uint8Array(4 * 1024 * 1024);
  const total = fill(connection, buffer);
  assertLess(connection.unsent, buffer.length, "nothing was taken: that is no partial send");
  buffer.fill(0); // a server receives the next client's bytes into it
  const { flushes } = drain(pair, connection, total);
  assertGreater(flushes, 1, "it was flushed in one go: that is no partial flush");
  assertEquals([connection.unsent, connection.flush()], [0, 0]);
  assertThrows(() => recv(pair.client, buffer, 1, MSG_DONTWAIT), Deno.errors.WouldBlock);
});

Deno.test("what a full socket does not take at all is kept, by send and by flush", () => {
  using pair = narrow();
  const connection = new Connection(pair.server);
  // A single byte cannot be taken in part, so this ends with one that was not taken at all.
  const total = fill(connection, new Uint8Array(1));
  assertEquals(connection.unsent, 1);
  drain(pair, connection, total);

  const more = fill(connection, new Uint8Array(8 * 1024 * 1024));
  for (let before = Infinity, kept = connection.flush(); kept < before; kept = connection.flush()) {
    assertGreater(kept, 0, "the socket takes everything, or flush has told an error");
    before = kept;
  }
  assertGreater(connection.unsent, 0);
  assertEquals(connection.flush(), connection.unsent);
  drain(pair, connection, more);
});

Deno.test("no more is ever kept than what was sent at once, however often it fills up", () => {
  using pair = narrow();
  const connection = new Connection(pair.server);
  const buffer = new Uint8Array(64 * 1024);
  for (let round = 0; round < 5; round++) {
    const total = fill(connection, buffer);
    assert(connection.unsent <= buffer.length);
    drain(pair, connection, total);
    assertEquals(connection.unsent, 0);
  }
});

Deno.test("a reset is told by send, as a negative error number, and nothing is kept", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const connection = new Connection(pair.server);
  setsockopt(pair.client, SOL_SOCKET, SO_LINGER, 1, 0);
  pair.close(pair.client);
  const bytes = new Uint8Array(10);
  // The first call gets the error that the reset has left behind, the next ones EPIPE.
  assertEquals([connection.send(bytes, 10), connection.unsent], [-ECONNRESET, 0]);
  assertEquals([connection.send(bytes, 10), connection.unsent], [-EPIPE, 0]);
});

Deno.test("a reset is told by flush as well, if there are unsent bytes", () => {
  using pair = narrow();
  const connection = new Connection(pair.server);
  fill(connection, new Uint8Array(64 * 1024));
  setsockopt(pair.client, SOL_SOCKET, SO_LINGER, 1, 0);
  pair.close(pair.client);
  assertEquals([connection.flush(), connection.flush()], [-ECONNRESET, -EPIPE]);
});

Deno.test("closing closes the socket, also with unsent bytes", () => {
  const before = openDescriptors();
  // Not `using`: it would close a second time what the connection has closed.
  const pair = narrow();
  const connection = new Connection(pair.server);
  fill(connection, new Uint8Array(64 * 1024));
  connection.close();
  assertEquals(connection.flush(), -EBADF);
  assertThrows(() => connection.close(), Deno.errors.BadResource);
  pair.close(pair.client);
  assertEquals(openDescriptors(), before);
});
