/**
 * What every server has to stand, whatever its model.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { shout } from "../../shared/shout.ts";
import {
  bytesOf,
  complete,
  connect,
  expectBytes,
  expectEnd,
  expectReply,
  later,
  pattern,
  pseudoRandom,
  say,
  sendAll,
  visit,
  visitAndDie,
  visitRudely,
} from "./clients.ts";
import { Server, type StartOptions, type Subject, within } from "./server.ts";

/** A situation, and what a server has to do in it. */
export interface Scenario {
  /** What a right server does, as the end of the sentence "the server …". */
  name: string;
  /** Which fault it usually is, if a server fails. */
  meaning: string;
  /** It needs more than one client to be served at a time. */
  concurrent?: true;
  /** How the server is started. */
  start?: StartOptions;
  /** How long it may take, in milliseconds. */
  limit?: number;
  /** The server has ended at the end, so it cannot be asked whether it still serves. */
  ends?: true;
  /** Visits the server; throws if it does anything wrong. */
  run(server: Server): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
/** How long a scenario may take, in milliseconds, unless it says otherwise. Most take 0.1 s. */
const LIMIT = 10_000;

/** Why a server is excused from a scenario; undefined if it is not. */
export function excuse(subject: Subject, scenario: Scenario): string | undefined {
  if (scenario.concurrent && subject.sequential) return "it serves one client after the other";
}

/**
 * Starts a server and runs a scenario against it, after which it still has to serve a fresh client.
 *
 * @throws {Error} with what went wrong, and what the server wrote to stderr.
 */
export async function check(subject: Subject, scenario: Scenario): Promise<void> {
  await using server = await Server.start(subject, scenario.start);
  const { limit: time = LIMIT } = scenario;
  const limit = new AbortController();
  try {
    await Promise.race([
      scenario.run(server).then(() => scenario.ends ? undefined : visit(server)),
      server.ended.then(({ code, signal }) =>
        // A scenario that ends the server, or starts another one, goes on after that.
        scenario.ends ? new Promise(() => {}) : assert.fail(`the server ended: ${signal ?? code}`)
      ),
      sleep(time, undefined, { signal: limit.signal })
        .then(() => assert.fail(`nothing came of it for ${time} ms`)),
    ]);
  } catch (error) {
    const said = server.errors.slice(0, 3).map((line) => `\n  stderr: ${line}`).join("");
    throw new Error(`${(error as Error).message}${said}\n  usually: ${scenario.meaning}`);
  } finally {
    limit.abort();
  }
}

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  {
    name: "answers 20 clients at once",
    meaning: "a client's bytes are sent to another, or a client is forgotten",
    async run(server) {
      const messages = Array.from({ length: 20 }, (_, i) => bytesOf(`client ${i} says hello\n`));
      await Promise.all(messages.map((message) => visit(server, message)));
    },
  },
  {
    name: "answers a message that comes one byte at a time",
    meaning: "it expects a message to arrive in one piece",
    async run(server) {
      using connection = await connect(server);
      const message = bytesOf("one byte at a time, ".repeat(10));
      const reply = later(expectReply(connection, message));
      for (const byte of message) {
        await connection.write(Uint8Array.of(byte));
        if (byte === 32) await sleep(1);
      }
      await reply;
    },
  },
  {
    name: "answers messages that come in pieces of random sizes",
    meaning: "it relies on how TCP cuts a stream into pieces",
    async run(server) {
      const message = pattern(500_000);
      const random = pseudoRandom(2026);
      using connection = await connect(server);
      const reply = later(expectReply(connection, message));
      for (let sent = 0; sent < message.length;) {
        const length = 1 + random.next().value % 5000;
        await sendAll(connection, message.subarray(sent, sent + length));
        sent += length;
      }
      await reply;
    },
  },
  {
    name: "turns a to z into A to Z and leaves all other bytes alone",
    meaning: "it decodes the bytes to a string, which changes everything that is not UTF-8",
    async run(server) {
      await visit(server, Uint8Array.from({ length: 256 }, (_, i) => i));
      await visit(server, bytesOf("Grüße, straße, ﬁne, 你好\0"));
    },
  },
  {
    name: "answers 1 MiB",
    meaning: "bytes that send did not take are forgotten",
    run: (server) => visit(server, pattern(MEBIBYTE)),
  },
  {
    name: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    meaning: "bytes that send did not take are forgotten, or pile up because it goes on reading",
    async run(server) {
      // A chunk whose length no buffer has, over and over.
      const chunk = pattern(65_521);
      const chunks = Math.ceil(64 * MEBIBYTE / chunk.length);
      const before = server.peakMemory;
      using connection = await connect(server);
      async function sendChunks() {
        for (let i = 0; i < chunks; i++) await sendAll(connection, chunk);
        await connection.closeWrite();
      }
      async function readLate() {
        await sleep(300);
        const expected = shout(chunk.slice());
        const piece = new Uint8Array(256 * 1024);
        let received = 0;
        for (let length; (length = await connection.read(piece)) !== null;) {
          for (let i = 0; i < length;) {
            const at = received % chunk.length;
            const run = Math.min(length - i, chunk.length - at);
            expectBytes(piece.subarray(i, i + run), expected.subarray(at, at + run), received);
            i += run;
            received += run;
          }
        }
        assert.equal(received, chunks * chunk.length, "bytes of the reply are missing");
      }
      await Promise.all([sendChunks(), readLate()]);
      const grown = server.peakMemory - before;
      assert(grown < 32, `the server's memory grew by ${grown.toFixed(0)} MiB`);
    },
  },
  {
    name: "answers in full after a half-close, and then closes",
    meaning: "the end of the input is taken for the end of the connection, or is not noticed",
    async run(server) {
      using connection = await connect(server);
      const message = pattern(3 * MEBIBYTE);
      const sent = later(sendAll(connection, message).then(() => connection.closeWrite()));
      await sleep(100); // the server can no longer send, and sees the end behind it
      await expectReply(connection, message);
      await sent;
      await expectEnd(connection);
    },
  },
  {
    name: "closes the connections of clients who have gone",
    meaning: "a recv that returns 0, the end of the input, is not noticed",
    async run(server) {
      await visit(server);
      await server.settled();
      const before = server.descriptors;
      for (let i = 0; i < 20; i++) await visit(server);
      for (let i = 0; i < 20; i++) (await connect(server)).close();
      await eventually(() => server.descriptors <= before, "connections stay open");
    },
  },
  {
    name: "serves 20 clients beside a silent one",
    meaning: "an accepted socket is blocking: on Linux it does not inherit O_NONBLOCK",
    concurrent: true,
    async run(server) {
      // One has never said anything, the other says no more.
      using mute = await connect(server);
      using silent = await connect(server);
      await say(silent);
      await Promise.all(Array.from({ length: 20 }, () => visit(server)));
      await say(silent);
      await say(mute);
    },
  },
  {
    name: "serves those who came after a silent client, once it has gone",
    meaning: "clients who wait to be accepted are lost, or the end of a silent one is not noticed",
    async run(server) {
      const silent = await connect(server);
      const others = later(Promise.all(Array.from({ length: 5 }, () => visit(server))));
      await sleep(100);
      silent.close();
      await others;
    },
  },
  {
    name: "serves others while one does not read",
    meaning: "it waits in send for a client that does not read, or keeps a buffer that others use",
    concurrent: true,
    async run(server) {
      using slow = await connect(server);
      const message = pattern(8 * MEBIBYTE);
      const sent = later(sendAll(slow, message));
      await sleep(100);
      // Long enough to fill every buffer with something else than the slow one's bytes.
      const other = pattern(200_000).reverse();
      await Promise.all(Array.from({ length: 5 }, () => visit(server, other)));
      await Promise.all([sent, expectReply(slow, message)]);
    },
  },
  {
    name: "is not concerned by a reset of an idle client",
    meaning: "ECONNRESET of one client ends the server",
    async run(server) {
      for (let i = 0; i < 10; i++) await visitRudely(server, new Uint8Array(), 2);
      await visitRudely(server, bytesOf("hello"), 20);
    },
  },
  {
    name: "is not concerned by 200 resets with unread replies",
    meaning: "ECONNRESET or EPIPE of one client ends the server, or its connection is not closed",
    async run(server) {
      await visit(server);
      await server.settled();
      const before = server.descriptors;
      const message = pattern(60_000);
      for (let i = 0; i < 200; i++) await visitRudely(server, message, i % 3);
      // These replies are more than the kernel has room for, so the server is about to send.
      const long = new Uint8Array(32 * MEBIBYTE);
      for (let i = 0; i < 3; i++) await visitRudely(server, long, 150);
      await visit(server); // it has accepted all who came before
      await eventually(() => server.descriptors <= before, "connections stay open");
    },
  },
  {
    name: "is not concerned by a client that is killed",
    meaning: "an error of one client ends the server",
    async run(server) {
      await visitAndDie(server);
    },
  },
  {
    name: "accepts 500 clients who come at once",
    meaning: "the backlog of listen is too short, or a client is lost between two events",
    limit: 40_000,
    async run(server) {
      // While the server is stopped, only the backlog can take them. The kernel does not refuse
      // those for whom there is no room, but lets them try again after a second, for minutes.
      server.kill("SIGSTOP");
      const coming = Promise.all(Array.from({ length: 500 }, () => connect(server)));
      const clients = await within(2000, "not all were connected by the kernel", coming);
      server.kill("SIGCONT");
      try {
        await Promise.all(clients.map((client) => complete(client)));
      } finally {
        for (const client of clients) client.close();
      }
    },
  },
  {
    name: "pauses and recovers when it runs out of descriptors",
    meaning: "EMFILE from accept4 ends the server, or makes it spin on a listener that stays ready",
    start: { descriptors: 64 },
    limit: 20_000,
    async run(server) {
      await server.settled();
      const leave = Promise.withResolvers<void>();
      const served: Deno.Conn[] = [];
      async function stay() {
        using connection = await connect(server);
        await say(connection);
        served.push(connection);
        await leave.promise;
      }
      // The kernel connects all of them; the server can take no more than 64 out of its queue.
      const all = later(Promise.all(Array.from({ length: 100 }, stay)));
      await sleep(200);
      const share = await server.cpuShare(400);
      assert(served.length > 0, "nobody was served");
      assert(served.length < 64, `${served.length} clients were served with 64 descriptors`);
      for (const connection of [...served]) await say(connection);
      leave.resolve();
      await all;
      if (!server.subject.polling) {
        assert(share < 0.3, `it used ${Math.round(100 * share)} % of a core while it had to wait`);
      }
    },
  },
  {
    name: "uses no CPU when there is nothing to do, unless its way is to ask again and again",
    meaning: "it asks again and again, or is told of something that it does not take",
    async run(server) {
      using idle = await connect(server);
      await say(idle);
      await sleep(50);
      const share = await server.cpuShare(400);
      // A whole core, less what the tests and other processes take of it meanwhile.
      const right = server.subject.polling ? share > 0.3 : share < 0.1;
      assert(right, `it used ${Math.round(100 * share)} % of a core`);
    },
  },
  {
    name: "goes on after having been stopped and continued",
    meaning: "EINTR from a call that waits is taken for an error",
    async run(server) {
      using connection = await connect(server);
      await say(connection);
      for (let i = 0; i < 3; i++) {
        server.kill("SIGSTOP");
        await sleep(20);
        server.kill("SIGCONT");
        await say(connection);
      }
    },
  },
  {
    name: "ends after as many clients as --connections says",
    meaning: "clients are not counted, or the count includes those who are still there",
    start: { args: ["--connections", "3"] },
    ends: true,
    async run(server) {
      for (let i = 0; i < 3; i++) {
        using connection = await connect(server);
        await say(connection);
      }
      const { code } = await server.ended;
      assert.equal(code, 0, `it ended with exit code ${code}`);
    },
  },
  ...(["SIGINT", "SIGTERM"] as const).map((signal): Scenario => ({
    name: `is ended at once by ${signal}`,
    meaning: "a signal listener is installed, but the thread that would run it sleeps in a call",
    ends: true,
    async run(server) {
      // The best of three, since the machine may be busy with something else.
      const times: number[] = [];
      for (let i = 0; i < 3 && Math.min(...times) >= 100; i++) {
        await using another = await server.startAnother();
        using connection = await connect(another);
        await say(connection);
        times.push(await another.stop(signal));
      }
      const best = Math.min(...times);
      assert(best < 100, `it took ${best.toFixed(0)} ms`);
    },
  })),
  {
    name: "can be started again at once on the same port",
    meaning: "SO_REUSEADDR is not set, so connections in TIME_WAIT keep the port",
    ends: true,
    async run(server) {
      const { port } = server;
      using connection = await connect(server);
      await say(connection);
      // The server's side closes first, which is the one that stays in TIME_WAIT.
      await server.stop("SIGTERM");
      await expectEnd(connection);
      connection.closeWrite();
      await using again = await server.startAnother({ port });
      await visit(again);
    },
  },
  {
    name: "says in one line that a port is taken",
    meaning: "an error of bind is not explained",
    async run(server) {
      const { code, stderr } = await server.runAnother({ port: server.port });
      assert.equal(code, 1, `it ended with exit code ${code}`);
      assert.match(
        stderr,
        new RegExp(`^[^\\n]*${server.port}[^\\n]* taken[^\\n]*--port[^\\n]*\\n$`),
      );
    },
  },
  {
    name: "explains a wrong option in one line, and all of them with --help",
    meaning: "options are not read through shared/options.ts",
    async run(server) {
      const wrong = await server.runAnother({ args: ["--nonsense"] });
      assert.equal(wrong.code, 2, `a wrong option gave exit code ${wrong.code}`);
      assert.match(wrong.stderr, /^[^\n]*--nonsense[^\n]*\n$/);
      const help = await server.runAnother({ args: ["--help"] });
      assert.equal(help.code, 0, `--help gave exit code ${help.code}`);
      assert.match(help.stdout, /--connections/);
    },
  },
];

/** Fails unless something becomes true within two seconds. */
async function eventually(isTrue: () => boolean, otherwise: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (isTrue()) return;
    await sleep(20);
  }
  assert.fail(otherwise);
}
