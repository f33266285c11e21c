/** `shared/shout.ts`, `connection.ts` and `client.ts`. */

import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { checkReply, parseSummary, sendAll } from "../shared/client.ts";
import { Connection } from "../shared/connection.ts";
import { EPIPE } from "../shared/linux/errno.ts";
import {
  recv,
  setsockopt,
  SO_LINGER,
  SO_SNDBUF,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "../shared/linux/socket.ts";
import { shout } from "../shared/shout.ts";
import { Pair } from "./sockets.ts";

Deno.test("shout turns a to z into A to Z and leaves all other bytes alone", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const expected = all.map((byte) => byte >= 97 && byte <= 122 ? byte - 32 : byte);
  assertEquals(shout(all.slice()), expected);
  assertEquals(
    new TextDecoder().decode(shout(new TextEncoder().encode("grüße, 你好"))),
    "GRüßE, 你好",
  );
});

Deno.test("shout works in place, and on the first bytes only if it is told so", () => {
  const bytes = new TextEncoder().encode("hello");
  assertEquals(shout(bytes, 2), bytes);
  assertEquals(new TextDecoder().decode(bytes), "HEllo");
});

Deno.test("a connection keeps in order what the socket does not take, and no more", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  setsockopt(pair.server, SOL_SOCKET, SO_SNDBUF, 4096);
  const connection = new Connection(pair.server);
  const sent: number[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (let round = 0; connection.unsent === 0; round++) {
    assert(round < 1000, "the socket takes everything");
    for (let i = 0; i < buffer.length; i++) buffer[i] = (i + round) % 251;
    sent.push(...buffer);
    const kept = connection.send(buffer, buffer.length);
    assertEquals(kept, connection.unsent);
  }
  assert(connection.unsent <= buffer.length);
  buffer.fill(0); // a server would receive the next client's bytes into it

  const received: number[] = [];
  const piece = new Uint8Array(10_000);
  while (received.length < sent.length) {
    received.push(...piece.subarray(0, recv(pair.client, piece)));
    const before = connection.unsent;
    assertEquals(connection.flush(), connection.unsent);
    assert(connection.unsent <= before);
  }
  assertEquals(connection.unsent, 0);
  assertEquals(connection.flush(), 0);
  assert(received.every((byte, i) => byte === sent[i]), "the bytes are not in order");
});

Deno.test("a connection says that it is broken, with the error's number", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const connection = new Connection(pair.server);
  setsockopt(pair.client, SOL_SOCKET, SO_LINGER, 1, 0);
  pair.close(pair.client);
  const bytes = new Uint8Array(10);
  const results = [connection.send(bytes, 10), connection.send(bytes, 10)];
  assertEquals(results.at(-1), -EPIPE);
  assertEquals(connection.unsent, 0);
});

/** A client's connection to a server that answers with `reply`, whatever is said. */
async function connectTo(reply: string): Promise<Deno.TcpConn> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  async function answer() {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(100));
    await connection.write(new TextEncoder().encode(reply));
  }
  const answered = answer();
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  await sendAll(client, hello);
  await answered;
  return client;
}

const hello = new TextEncoder().encode("hello");

Deno.test("a right reply is accepted, and the wait for it returned", async () => {
  using client = await connectTo("HELLO");
  assertGreater(await checkReply(client, hello), 0);
});

Deno.test("a wrong byte, and a reply that ends too early, are errors that say where", async () => {
  using wrong = await connectTo("HELlO");
  await assertRejects(() => checkReply(wrong, hello), Error, "3 of 5 bytes, then a byte is wrong");
  using short = await connectTo("HEL");
  await assertRejects(
    () => checkReply(short, hello),
    Error,
    "3 of 5 bytes, then the connection was",
  );
});

Deno.test("a client's last line can be read back, and no other line", () => {
  assertEquals(parseSummary("20 clients, 19 right replies, longest wait 1002.5 ms"), {
    clients: 20,
    right: 19,
    longest: 1002.5,
  });
  assertEquals(parseSummary("client 1: said hello, reply after 0.1 ms"), undefined);
});
