/**
 * What a proxy owes both of its sides. Here the upstream is in the test, and does what no server
 * of a lesson does: it is not there, ends first, resets the connection, or says nothing at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { close } from "../shared/linux/descriptors.ts";
import {
  addressOf,
  AF_INET,
  bind,
  connect as connectSocket,
  getsockname,
  listen,
  listenTcp,
  send,
  setsockopt,
  SHUT_WR,
  shutdown,
  SO_LINGER,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryAccept4,
} from "../shared/linux/socket.ts";
import {
  bytesOf,
  connect,
  eventually,
  expectEnd,
  ignoreRejection,
  MEBIBYTE,
  pattern,
  sendAll,
  untilStill,
} from "../shared/tools/check/clients.ts";
import { deadline } from "../shared/tools/check/deadline.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";

/** A situation of a proxy, and what has to come of it. */
export interface Case {
  /** What a correct proxy does, as the end of the sentence "the proxy …". */
  name: string;
  /** Throws if the proxy does anything wrong. */
  run(proxy: Subject): Promise<void>;
}

/** How long something may take that has to be done at once, in milliseconds. */
const PATIENCE = 3000;

/** All of them. */
export const cases: readonly Case[] = [
  {
    name: "resets a client at once when nothing listens upstream, and reports why",
    async run(subject) {
      const address = freeAddress();
      await using proxy = await inFrontOf(subject, address);
      for (let i = 0; i < 3; i++) {
        // The reset may come before the client has noticed that it is connected.
        using client = await connect(proxy).catch(ignoreReset);
        if (client) await expectReset(client, "the client waits for what is not there");
      }
      const line = `connect(${address}): ECONNREFUSED (Connection refused)`;
      await eventually(() => proxy.errors.length === 3, "it did not report why");
      assert.deepEqual([...proxy.errors], [line, line, line]);
    },
  },
  {
    name: "hands on the end of each direction by itself",
    run: (subject) =>
      withBoth(subject, async (client, upstream) => {
        await sendAll(upstream, bytesOf("first"));
        await upstream.closeWrite();
        assert.equal(await textOf(client, 5), "first");
        await expectEnd(client); // one direction has ended,
        await sendAll(client, bytesOf("second")); // and the other goes on
        assert.equal(await textOf(upstream, 6), "second");
        await client.closeWrite();
        await expectEnd(upstream);
      }),
  },
  {
    name: "lets one direction flow while the other is full",
    run: (subject) =>
      withBoth(subject, async (client, upstream) => {
        const message = pattern(24 * MEBIBYTE);
        let taken = 0;
        const sent = [client, upstream].map((side) =>
          ignoreRejection(sendAll(side, message, (length) => taken += length))
        );
        await untilStill(() => taken); // every buffer is full
        await deadline(expectBytesOf(client, message), 2 * PATIENCE, "it is stuck");
        await deadline(expectBytesOf(upstream, message), 2 * PATIENCE, "it is stuck");
        await Promise.all(sent);
      }),
  },
  {
    name: "resets the client when the upstream resets its connection",
    async run(subject) {
      const listener = listenTcp({ host: "127.0.0.1", port: 0 }, SOCK_NONBLOCK);
      await using proxy = await inFrontOf(subject, addressOf(listener));
      using client = await connect(proxy);
      let upstream = -1;
      await eventually(() => (upstream = tryAccept4(listener)) >= 0, "it did not connect");
      send(upstream, bytesOf("half of it"));
      assert.equal(await textOf(client, 10), "half of it");
      reset(upstream);
      close(listener);
      await expectReset(client, "the client was not notified");
    },
  },
  {
    name: "closes both sides when a client that has ended its sending is reset",
    async run(subject) {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      await using proxy = await inFrontOf(subject, `127.0.0.1:${listener.addr.port}`);
      const client = socket(AF_INET, SOCK_STREAM);
      connectSocket(client, proxy);
      shutdown(client, SHUT_WR);
      using upstream = await deadline(listener.accept(), PATIENCE, "it did not connect");
      await expectEnd(upstream);
      const before = proxy.descriptors;
      reset(client);
      await eventually(() => proxy.descriptors < before, "connections are still open");
    },
  },
  {
    name: "explains a wrong upstream in one line",
    async run(subject) {
      await using proxy = await inFrontOf(subject, freeAddress());
      for (const upstream of ["127.0.0.1", "localhost:80", "127.0.0.1:70000", "127.0.0.1:1:2"]) {
        const { code, stderr } = await proxy.runAnother({ args: ["--upstream", upstream] });
        assert.equal(code, 2, upstream);
        assert.match(stderr, /^--upstream takes [^\n]*\n$/);
      }
    },
  },
];

/** An upstream whose queue is full: the kernel drops the packet that asks for a connection. */
export const silent: Case = {
  name: "gives up on an upstream that does not answer, within seconds and not minutes",
  async run(subject) {
    const listener = socket(AF_INET, SOCK_STREAM);
    bind(listener, { host: "127.0.0.1", port: 0 });
    listen(listener, 0);
    const address = getsockname(listener);
    const first = socket(AF_INET, SOCK_STREAM);
    connectSocket(first, address); // takes the only place
    try {
      await using proxy = await inFrontOf(subject, `127.0.0.1:${address.port}`);
      using client = await connect(proxy);
      await expectReset(client, "the client still waits", 20_000);
      assert.match(proxy.errors.join("\n"), /: ETIMEDOUT \(Connection timed out\)$/);
    } finally {
      for (const fd of [first, listener]) close(fd);
    }
  },
};

function inFrontOf(subject: Subject, upstream: string): Promise<Server> {
  const args = [...subject.args ?? [], "--upstream", upstream];
  return Server.start({ ...subject, behind: undefined, args });
}

/** Connects a client with an upstream through the proxy. */
async function withBoth(
  subject: Subject,
  run: (client: Deno.TcpConn, upstream: Deno.TcpConn) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using proxy = await inFrontOf(subject, `127.0.0.1:${listener.addr.port}`);
  using client = await connect(proxy);
  const upstream = await deadline(listener.accept(), PATIENCE, "it did not connect");
  try {
    await run(client, upstream);
  } finally {
    upstream[Symbol.dispose]();
  }
}

/** Ends a connection without an orderly end. */
function reset(fd: number) {
  setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);
  close(fd);
}

function ignoreReset(error: unknown): undefined {
  if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
}

/** An address at which nobody listens. */
function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

async function textOf(connection: Deno.Conn, length: number): Promise<string> {
  const bytes = new Uint8Array(length);
  for (let received = 0; received < length;) {
    const piece = connection.read(bytes.subarray(received));
    received += await deadline(piece, PATIENCE, "nothing arrived") ??
      assert.fail(`it ended after ${received} of ${length} bytes`);
  }
  return new TextDecoder().decode(bytes);
}

async function expectBytesOf(connection: Deno.Conn, expected: Uint8Array): Promise<void> {
  const piece = new Uint8Array(256 * 1024);
  for (let received = 0; received < expected.length;) {
    const length = await connection.read(piece);
    assert(length !== null, `it ended after ${received} bytes`);
    for (let i = 0; i < length; i++, received++) {
      if (piece[i] !== expected[received]) assert.fail(`byte ${received} is wrong`);
    }
  }
}

/** Fails unless the connection is reset: an end would look as if everything had been received. */
async function expectReset(connection: Deno.Conn, otherwise: string, patience = PATIENCE) {
  const end = connection.read(new Uint8Array(1)).catch((error) => error);
  const outcome = await deadline(end, patience, otherwise);
  assert(outcome instanceof Deno.errors.ConnectionReset, `not a reset, but ${outcome}`);
}
