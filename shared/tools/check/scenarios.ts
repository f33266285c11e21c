/**
 * What every server has to stand, whatever its model.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Address } from "../../linux/socket.ts";
import { shout } from "../../shout.ts";
import {
  bytesOf,
  complete,
  connect,
  disconnectAll,
  expectBytes,
  expectEnd,
  expectReply,
  later,
  pattern,
  pseudoRandom,
  say,
  sendAll,
  sendUntilFull,
  talkWithoutEnd,
  visit,
  visitAndDie,
  visitRudely,
} from "./clients.ts";
import { type Fault, faultBehind, FORGOTTEN, PILED_UP } from "./faults.ts";
import { Server, type StartOptions, type Subject, within } from "./server.ts";

/** A situation, and what a server has to do in it. */
export type Scenario = Situation & (Visit | Inspection);

interface Situation {
  /** What a right server does, as the end of the sentence "the server …". */
  name: string;
  /** Whom it concerns, as the beginning of the sentence that says what went wrong. */
  who: string;
  /** What a server that fails usually does wrong: the first one that fits what was seen. */
  faults: readonly Fault[];
  /** It needs more than one client to be served at a time. */
  concurrent?: true;
  /** It is about the options that the lessons' servers have. */
  ofLessons?: true;
  /** How the server is started. */
  start?: StartOptions;
  /** How long it may take, in milliseconds. */
  limit?: number;
  /** The server has ended at the end, so it cannot be asked whether it still serves. */
  ends?: true;
}

/** What a client can see, of any server at all. Throws if the server does anything wrong. */
interface Visit {
  inspects?: undefined;
  run(server: Address): Promise<void>;
}

/** What needs the process of the server as well. */
interface Inspection {
  inspects: true;
  run(server: Server): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
/** How long a scenario may take, in milliseconds, unless it says otherwise. Most take 0.1 s. */
const LIMIT = 10_000;

/** Why a server is excused from a scenario; undefined if it is not. */
export function excuse(subject: Subject, scenario: Scenario): string | undefined {
  if (scenario.concurrent && subject.sequential) return "it serves one client after the other";
  if (scenario.ofLessons && subject.foreign) return "it is about the options of the lessons";
}

/** The error for a server that fails in a scenario. */
export class Failure extends Error {
  /** The class's name, for messages. */
  override name = "Failure";

  /**
   * Puts together what is told.
   *
   * @param saw What the client saw.
   * @param fault Which fault of the server that usually is.
   * @param stderr What the server wrote to stderr, its first lines.
   */
  constructor(readonly saw: string, readonly fault: string, readonly stderr: readonly string[]) {
    const said = stderr.map((line) => `\n  stderr: ${line}`).join("");
    super(`${saw}${said}\n  usually: ${fault}`);
  }
}

/**
 * Starts a server and runs a scenario against it, after which it still has to serve a fresh client.
 *
 * @throws {Failure} with what went wrong, and what the server wrote to stderr.
 */
export async function check(subject: Subject, scenario: Scenario): Promise<void> {
  await using server = await Server.start(subject, scenario.start);
  const run = scenario.run(server);
  // A scenario that ends the server itself, or starts another one, goes on after that.
  if (scenario.ends) return await judge(scenario, run, server.errors);
  await judge(scenario, run.then(() => visit(server)), server.errors, server.ended);
}

/**
 * Runs a scenario against a server that runs already, in whatever language it is written.
 *
 * @throws {Failure} with what went wrong.
 */
export async function checkAddress(address: Address, scenario: Situation & Visit): Promise<void> {
  try {
    await judge(scenario, scenario.run(address).then(() => visit(address)));
  } finally {
    disconnectAll(); // this server goes on, and the next scenario is to find it alone
  }
}

/** Waits for the outcome of a scenario, or for the end of the server, which must not come. */
async function judge(
  { limit: time = LIMIT, faults }: Situation,
  outcome: Promise<void>,
  errors: readonly string[] = [],
  end: Promise<Deno.CommandStatus> = new Promise(() => {}),
): Promise<void> {
  const limit = new AbortController();
  const ended = end.then(({ code, signal }) =>
    `the server ended, ${signal ?? `exit code ${code}`}`
  );
  try {
    await Promise.race([
      outcome,
      ended.then((how) => assert.fail(how)),
      sleep(time, undefined, { signal: limit.signal })
        .then(() => assert.fail(`nothing came of it for ${time} ms`)),
    ]);
  } catch (error) {
    // Below the first line, Node compares two values. That a client was cut off says less than that
    // the server has ended, which may be noticed a little later, as may its last words.
    const [saw] = (error as Error).message.split("\n");
    await sleep(100);
    const how = await Promise.race([ended, saw]);
    const stderr = errors.slice(0, 3);
    throw new Failure(how, faultBehind(faults, how, stderr), stderr);
  } finally {
    limit.abort();
  }
}

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  {
    name: "answers 20 clients at once",
    who: "one of 20 clients who came at once",
    faults: [
      [/^byte|longer/, "a client's bytes are sent to another: each needs a state of its own"],
      [/nothing came/, "a client is forgotten: it is neither asked nor waited for any more"],
    ],
    async run(server) {
      const messages = Array.from({ length: 20 }, (_, i) => bytesOf(`client ${i} says hello\n`));
      await Promise.all(messages.map((message) => visit(server, message)));
    },
  },
  {
    name: "answers a message that comes one byte at a time",
    who: "a client that sent its message one byte at a time",
    faults: [
      [
        /ended after|reset|broken pipe/i,
        "it answers once and closes: go on until recv returns 0, which is the end of the input",
      ],
      [
        /nothing came/,
        "it expects a message to arrive in one piece, or to end with a certain byte",
      ],
    ],
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
    who: "a client that sent 500,000 bytes in pieces of random sizes",
    faults: [
      [/nothing came/, "it relies on how TCP cuts a stream into pieces"],
    ],
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
    who: "a client that sent every byte there is, and words in UTF-8",
    faults: [
      [
        /^byte|longer|ended after/,
        "it decodes the bytes to a string, which changes everything that is not UTF-8 or not ASCII",
      ],
    ],
    async run(server) {
      await visit(server, Uint8Array.from({ length: 256 }, (_, i) => i));
      await visit(server, bytesOf("Grüße, straße, ﬁne, 你好\0"));
    },
  },
  {
    name: "answers 1 MiB",
    who: "a client that sent 1 MiB and read meanwhile",
    faults: [[/^byte|nothing came|ended after/, FORGOTTEN]],
    run: (server) => visit(server, pattern(MEBIBYTE)),
  },
  {
    name: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    who: "a client that sent 64 MiB and began to read late",
    faults: [
      [/memory grew/, PILED_UP],
      [/missing|^byte|nothing came|ended after/, FORGOTTEN],
    ],
    inspects: true,
    async run(server) {
      // A chunk whose length no buffer has, over and over. Chunks of 64 KiB can each fill a packet
      // of the loopback device, which the server's socket then takes as a whole or not at all.
      const chunk = pattern(40_009);
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
        const total = chunks * chunk.length;
        let received = 0;
        while (received < total) {
          const length = await connection.read(piece);
          assert(length !== null, `${total - received} bytes of the reply are missing`);
          for (let i = 0; i < length;) {
            const at = received % chunk.length;
            const run = Math.min(length - i, chunk.length - at);
            expectBytes(piece.subarray(i, i + run), expected.subarray(at, at + run), received);
            i += run;
            received += run;
          }
        }
        await expectEnd(connection);
      }
      await Promise.all([sendChunks(), readLate()]);
      const grown = server.peakMemory - before;
      assert(grown < 32, `the server's memory grew by ${grown.toFixed(0)} MiB`);
    },
  },
  {
    name: "answers in full after a half-close, and then closes",
    who: "a client that sent 3 MiB, ended its sending, and then read",
    faults: [
      [/^byte|nothing came/, FORGOTTEN],
    ],
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
    who: "after 40 clients had come and gone",
    faults: [],
    inspects: true,
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
    who: "one of 20 clients who came while two others said nothing",
    faults: [
      [
        /nothing came/,
        "it sleeps in recv for a client that says nothing, and meanwhile serves nobody else: an " +
        "accepted socket is blocking, since on Linux it does not inherit O_NONBLOCK; or it reads " +
        "before it is told that there is something to read",
      ],
    ],
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
    who: "one of five clients who came after a silent one, which then went",
    faults: [
      [/nothing came/, "the end of a silent client is not noticed, or those who wait are lost"],
    ],
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
    who: "one of six clients, of whom one did not read its 8 MiB for a while",
    faults: [
      [
        /^byte/,
        "unsent bytes are kept in a buffer that is used for others meanwhile: copy them",
      ],
      [/nothing came/, FORGOTTEN],
      [
        /others were not served/,
        "it waits until a client that does not read has taken everything, in send or by trying " +
        "again and again, and meanwhile nobody else is served",
      ],
    ],
    concurrent: true,
    async run(server) {
      using slow = await connect(server);
      const message = pattern(8 * MEBIBYTE);
      const sent = later(sendAll(slow, message));
      await sleep(100);
      // Long enough to fill every buffer with something else than the slow one's bytes.
      const other = pattern(200_000).reverse();
      const others = Promise.all(Array.from({ length: 5 }, () => visit(server, other)));
      await within(3000, "the others were not served", others);
      await Promise.all([sent, expectReply(slow, message)]);
    },
  },
  {
    name: "is not concerned by a reset of an idle client",
    who: "a client who came after others had broken off (RST)",
    faults: [],
    async run(server) {
      for (let i = 0; i < 10; i++) await visitRudely(server, new Uint8Array(), 2);
      await visitRudely(server, bytesOf("hello"), 20);
    },
  },
  {
    name: "is not concerned by 200 resets with unread replies",
    who: "a client who came after 203 others had broken off, with unread replies (RST)",
    faults: [
      [
        /stay open/,
        "a broken connection is not closed: after ECONNRESET or EPIPE its descriptor stays",
      ],
    ],
    inspects: true,
    limit: 30_000,
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
    who: "a client who came after another had been killed",
    faults: [],
    async run(server) {
      await visitAndDie(server);
    },
  },
  {
    name: "keeps little for each of 20 clients who do not read, and serves others",
    who: "one of 21 clients, of whom 20 said 24 MiB and read nothing",
    faults: [
      [/memory grew/, PILED_UP],
      [/not served/, "those who do not read use up what is meant for all"],
    ],
    concurrent: true,
    inspects: true,
    async run(server) {
      using stack = new DisposableStack();
      const greedy: Deno.TcpConn[] = [];
      for (let i = 0; i < 20; i++) {
        greedy.push(stack.use(await connect(server)));
        await say(greedy[i]);
      }
      const before = server.peakMemory;
      await sendUntilFull(greedy, pattern(24 * MEBIBYTE));
      await within(3000, "the other one was not served", visit(server));
      const grown = server.peakMemory - before;
      assert(grown < 64, `the server's memory grew by ${grown.toFixed(0)} MiB`);
    },
  },
  {
    name: "serves others while one talks without end",
    who: "one of a few clients, of whom another sent without end, and read its replies",
    faults: [[
      /not served/,
      "it goes on with a client until that one has nothing more to say: read from each a few " +
      "times at the most before the others have their turn",
    ]],
    concurrent: true,
    async run(server) {
      await using _talker = await talkWithoutEnd(server);
      for (let i = 0; i < 5; i++) await within(2000, "the others were not served", visit(server));
    },
  },
  {
    name: "accepts 500 clients who come at once",
    who: "500 clients who came while the server was busy",
    faults: [
      [/connected by the kernel/, "the backlog of listen is too short"],
      [/nothing came/, "a client is lost between two events"],
    ],
    inspects: true,
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
    who: "100 clients of a server that may have 64 descriptors",
    faults: [
      [
        /% of a core/,
        "EMFILE leaves the client in the queue, so the listener stays ready, and asking again at " +
        "once makes it spin: it has to pause accepting",
      ],
      [/the server ended/, "EMFILE from accept4 ends the server"],
      [
        /nothing came/,
        "it does not accept again, or does not close the connections of those who have gone",
      ],
    ],
    inspects: true,
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
    who: "while its only client said nothing",
    faults: [
      [
        /% of a core/,
        "it never sleeps: it asks again and again, or is told of something that it does not take",
      ],
    ],
    inspects: true,
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
    who: "a client of a server that was stopped and continued, as Ctrl-Z and fg do",
    faults: [
      [/the server ended/, "EINTR from a call that waits is taken for an error"],
    ],
    inspects: true,
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
    who: "the last of 3 clients, with --connections 3",
    faults: [
      [
        /ended|refused|reset/i,
        "clients are counted when they come, not when they have gone, so the last is cut off",
      ],
      [/nothing came/, "those who have gone are not counted"],
    ],
    inspects: true,
    ofLessons: true,
    start: { args: ["--connections", "3"] },
    ends: true,
    async run(server) {
      await using stack = new AsyncDisposableStack();
      for (let i = 0; i < 3; i++) {
        using connection = await connect(server);
        await say(connection);
        // Somebody may be talking when the last goes, whether he is let in or not.
        if (i === 2) stack.use(await talkWithoutEnd(server).catch(() => undefined));
      }
      const { code } = await server.ended;
      assert.equal(code, 0, `it ended with exit code ${code}`);
    },
  },
  ...(["SIGINT", "SIGTERM"] as const).map((signal): Scenario => ({
    name: `is ended at once by ${signal}`,
    who: `somebody who sent the server ${signal}${signal === "SIGINT" ? ", as Ctrl-C does" : ""}`,
    faults: [
      [/did not end|it took/, "a signal listener is installed, but the thread sleeps in a call"],
    ],
    inspects: true,
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
    who: "somebody who ended the server and started it again at once",
    faults: [
      [/ended before/, "SO_REUSEADDR is not set, so connections in TIME_WAIT keep the port"],
    ],
    inspects: true,
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
    who: "somebody who started it a second time, on the same port",
    faults: [
      [/should have ended/, "SO_REUSEPORT is set, so two servers can have the same port"],
      [/it ended with|it said/, "an error of bind is not explained"],
    ],
    inspects: true,
    ofLessons: true,
    async run(server) {
      const { code, stderr } = await server.runAnother({ port: server.port });
      assert.equal(code, 1, `it ended with exit code ${code}`);
      assert.match(
        stderr,
        new RegExp(`^[^\\n]*${server.port}[^\\n]* taken[^\\n]*--port[^\\n]*\\n$`),
        `it said: ${stderr}`,
      );
    },
  },
  {
    name: "explains a wrong option in one line, and all of them with --help",
    who: "somebody who mistyped an option, or asked for --help",
    faults: [[/./, "options are not read through shared/options.ts"]],
    inspects: true,
    ofLessons: true,
    async run(server) {
      const wrong = await server.runAnother({ args: ["--nonsense"] });
      assert.equal(wrong.code, 2, `a wrong option gave exit code ${wrong.code}`);
      assert.match(wrong.stderr, /^[^\n]*--nonsense[^\n]*\n$/, `it said: ${wrong.stderr}`);
      const help = await server.runAnother({ args: ["--help"] });
      assert.equal(help.code, 0, `--help gave exit code ${help.code}`);
      assert.match(help.stdout, /--connections/, `--help said: ${help.stdout}`);
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
