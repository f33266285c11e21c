/** `shared/connection.ts`: what the kernel does not take at once. */

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { Connection, GONE, READ, WRITE } from "../shared/connection.ts";
import { EPOLLIN, EPOLLOUT } from "../shared/linux/epoll.ts";
import { POLLIN, POLLOUT } from "../shared/linux/poll.ts";
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
import { sleep } from "../shared/linux/time.ts";
import { EVENT_READ, EVENT_WRITE } from "../shared/selectors/selector.ts";
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

/** Sends pieces whose bytes show where they belong, until one is not taken as a whole. */
function fill(connection: Connection, buffer: Uint8Array<ArrayBuffer>): number {
  let total = 0;
  for (let round = 0; connection.unsent === 0; round++) {
    assertLess(round, 10_000, "the socket takes everything");
    for (let i = 0; i < buffer.length; i++) buffer[i] = (total + i) % 251;
    const want = connection.send(buffer, buffer.length);
    assertEquals([want, connection.want], connection.unsent > 0 ? [WRITE, WRITE] : [READ, READ]);
    total += buffer.length;
  }
  return total;
}

/**
 * Receives what is there, flushes, and goes on until `total` bytes have arrived; reports the first
 * byte that is wrong. Never waits, which would stop the runner if bytes were missing.
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
    const want = connection.flush();
    const kept = connection.unsent;
    assertEquals([want, connection.want], kept > 0 ? [WRITE, WRITE] : [READ, READ]);
    assert(kept <= before, "a flush has added something");
    if (kept < before) flushes++;
    // The kernel opens its window a moment after there is room.
    idle = length > 0 || kept < before ? 0 : idle + 1;
    if (idle > 0) sleep(1);
    assertLess(idle, 2000, `only ${received} of ${total} bytes have arrived`);
  }
  return { flushes };
}

Deno.test("READ and WRITE are the numbers that poll, epoll and the selectors have for them", () => {
  assertEquals<number[]>([READ, WRITE], [POLLIN, POLLOUT]);
  assertEquals<number[]>([READ, WRITE], [EPOLLIN, EPOLLOUT]);
  assertEquals<number[]>([READ, WRITE], [EVENT_READ, EVENT_WRITE]);
});

Deno.test("send() keeps nothing of what the socket takes as a whole, and wants to read", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const connection = new Connection(pair.server);
  assertEquals([connection.fd, connection.unsent, connection.want], [pair.server, 0, READ]);
  assertEquals(connection.flush(), READ);
  const hello = new TextEncoder().encode("hello");
  assertEquals([connection.send(hello, 4), connection.unsent, connection.want], [READ, 0, READ]);
  const buffer = new Uint8Array(10);
  assertEquals(recv(pair.client, buffer), 4);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, 4)), "hell");
});

Deno.test("what the socket takes in parts arrives as a whole and in order", () => {
  using pair = narrow();
  const connection = new Connection(pair.server);
  const buffer = new Uint8Array(4 * 1024 * 1024);
  const total = fill(connection, buffer);
  assertLess(connection.unsent, buffer.length, "nothing was taken: that is no partial send");
  buffer.fill(0); // a server receives the next client's bytes into it
  const { flushes } = drain(pair, connection, total);
  assertGreater(flushes, 1, "it was flushed in one go: that is no partial flush");
  assertEquals([connection.unsent, connection.flush()], [0, READ]);
  assertThrows(() => recv(pair.client, buffer, 1, MSG_DONTWAIT), Deno.errors.WouldBlock);
});

Deno.test("send() and flush() keep what a full socket does not take at all", () => {
  using pair = narrow();
  const connection = new Connection(pair.server);
  // A single byte cannot be taken in part, so this ends with one that was not taken at all.
  const total = fill(connection, new Uint8Array(1));
  assertEquals(connection.unsent, 1);
  drain(pair, connection, total);

  const more = fill(connection, new Uint8Array(8 * 1024 * 1024));
  for (let before = Infinity; connection.unsent < before;) {
    before = connection.unsent;
    assertEquals(connection.flush(), WRITE, "the socket takes everything, or is broken");
  }
  const kept = connection.unsent;
  assertEquals([connection.flush(), connection.unsent], [WRITE, kept]);
  drain(pair, connection, more);
});

Deno.test("send() never keeps more than it was given, however often the socket is full", () => {
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

Deno.test("send() reports a client that has reset its connection as GONE, keeping nothing", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const connection = new Connection(pair.server);
  setsockopt(pair.client, SOL_SOCKET, SO_LINGER, 1, 0);
  pair.close(pair.client);
  const bytes = new Uint8Array(10);
  // The first call gets the error that the reset has left behind, the next ones EPIPE.
  assertEquals([connection.send(bytes, 10), connection.unsent], [GONE, 0]);
  assertEquals([connection.send(bytes, 10), connection.unsent], [GONE, 0]);
});

Deno.test("flush() reports such a client as GONE as well, if there are unsent bytes", () => {
  using pair = narrow();
  const connection = new Connection(pair.server);
  fill(connection, new Uint8Array(64 * 1024));
  setsockopt(pair.client, SOL_SOCKET, SO_LINGER, 1, 0);
  pair.close(pair.client);
  assertEquals([connection.flush(), connection.flush()], [GONE, GONE]);
});

Deno.test("close() closes the socket, also with unsent bytes", () => {
  const before = openDescriptors();
  // Not `using`: it would close a second time what the connection has closed.
  const pair = narrow();
  const connection = new Connection(pair.server);
  fill(connection, new Uint8Array(64 * 1024));
  connection.close();
  assertEquals(connection.flush(), GONE);
  assertThrows(() => connection.close(), Deno.errors.BadResource);
  pair.close(pair.client);
  assertEquals(openDescriptors(), before);
});
