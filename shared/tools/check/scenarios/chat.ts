/**
 * What a server of the chat room owes its clients, whatever its model.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { close } from "../../../linux/descriptors.ts";
import {
  type Address,
  AF_INET,
  connect as connectSocket,
  MSG_DONTWAIT,
  send,
  setsockopt,
  SHUT_WR,
  shutdown,
  SO_LINGER,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryRecv,
} from "../../../linux/socket.ts";
import { haveOneOrder } from "../../../one_order.ts";
import { bytesOf, connect, eventually, ignoreRejection, MEBIBYTE, sendAll } from "../clients.ts";
import { deadline } from "../deadline.ts";
import type { Inspection, Scenario, Situation } from "../scenario.ts";
import type { Server } from "../server.ts";

/** The longest line that the room takes, in bytes. */
const LONGEST = 65_536;

/** A client that is sent lines: it keeps them, and what comes of the next one. */
export class Client implements Disposable {
  /** What it has heard so far. */
  readonly lines: string[] = [];
  /** Its connection. */
  readonly connection: Deno.TcpConn;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true }); // the room sends correct UTF-8
  readonly #piece = new Uint8Array(64 * 1024);
  #rest = "";
  #taken = 0;

  /** Takes a connection, which has no name yet. */
  constructor(connection: Deno.TcpConn) {
    this.connection = connection;
  }

  /** Connects, and is given a name. */
  static async enter(server: Address, name: string): Promise<Client> {
    const client = new Client(await connect(server));
    await client.say(name);
    await client.until((line) => line.startsWith("* welcome"));
    return client;
  }

  /** Says a line. */
  async say(line: string): Promise<void> {
    await sendAll(this.connection, bytesOf(`${line}\n`));
  }

  /** The next line; undefined at the end, which must not be in the middle of one. */
  async next(): Promise<string | undefined> {
    while (this.#taken === this.lines.length) {
      const length = await this.connection.read(this.#piece);
      if (length === null) {
        assert.equal(this.#rest, "", "the last line has no end");
        return undefined;
      }
      const text = this.#decoder.decode(this.#piece.subarray(0, length), { stream: true });
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop()!;
      this.lines.push(...lines);
    }
    return this.lines[this.#taken++];
  }

  /** Reads until a line fits. */
  async until(fits: (line: string) => boolean): Promise<string> {
    for (let line; (line = await this.next()) !== undefined;) if (fits(line)) return line;
    assert.fail(`the connection was closed after: ${this.lines.at(-1)}`);
  }

  /** Expects these lines, and no others between them. */
  async expect(...lines: string[]): Promise<void> {
    for (const line of lines) {
      const heard = await this.next();
      if (heard === line) continue;
      assert.fail(`it heard ${shown(heard)} in place of ${shown(line)}`);
    }
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
  }
}

function shown(line: string | undefined): string {
  return line === undefined ? "the end" : JSON.stringify(line.slice(0, 80));
}

/** A client with a name that reads nothing, and for which the kernel keeps as little as it can. */
class Silent implements Disposable {
  readonly fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);

  constructor(address: Address, name: string) {
    setsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, 4096);
    connectSocket(this.fd, address);
    this.say(name);
  }

  say(line: string): void {
    send(this.fd, bytesOf(`${line}\n`));
  }

  /** Reads what there is, to the end. */
  async readAll(): Promise<string> {
    const buffer = new Uint8Array(64 * 1024);
    const [decoder, parts] = [new TextDecoder(), [] as string[]];
    for (let empty = 0; empty < 500;) {
      const length = tryRecv(this.fd, buffer, buffer.length, MSG_DONTWAIT);
      if (length === 0) break;
      if (length > 0) parts.push(decoder.decode(buffer.subarray(0, length), { stream: true }));
      else {
        empty++;
        await sleep(4);
      }
    }
    return parts.join("");
  }

  /** Ends its sending. */
  end(): void {
    shutdown(this.fd, SHUT_WR);
  }

  /** Will reset the connection when it is closed. */
  reset(): void {
    setsockopt(this.fd, SOL_SOCKET, SO_LINGER, 1, 0);
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }
}

/** Some clients with the names that are given. They have all heard who is there. */
async function enterAll(
  server: Server,
  stack: DisposableStack,
  names: readonly string[],
): Promise<Client[]> {
  const clients: Client[] = [];
  for (const name of names) clients.push(stack.use(await Client.enter(server, name)));
  const last = names.at(-1)!;
  await Promise.all(
    clients.slice(0, -1).map((client) => client.until((line) => line === `* ${last} came`)),
  );
  return clients;
}

/**
 * Lets one client speak, a line at a time, until another hears that `name` was dropped.
 *
 * @param meanwhile Is called after each of the lines.
 */
async function speakUntilDropped(
  speaker: Client,
  listener: Client,
  name: string,
  meanwhile = () => {},
) {
  const [line, dropped] = ["blah ".repeat(2000), `* ${name} was dropped`];
  for (let i = 0; i < 1000; i++) {
    await speaker.say(line);
    meanwhile();
    const heard = await listener.until((heard) => heard === dropped || heard.endsWith(`: ${line}`));
    if (heard === dropped) return;
  }
  assert.fail(`${name} was not dropped`);
}

const names = ["anna", "boris", "clara", "dora", "emil"];

const scenarios: readonly (Situation & Pick<Inspection, "run">)[] = [
  {
    name: "passes each line on to all others, once, and not to its author",
    seenBy: "one of five clients in the room, each of which said twenty lines",
    faults: [
      [/its own line/, "a line goes to its author as well"],
      [/in place of/, "a line is passed on twice, or out of order"],
      [/still waiting/, "a line does not come to all"],
    ],
    async run(server) {
      using stack = new DisposableStack();
      const clients = await enterAll(server, stack, names);
      await Promise.all(clients.map(async (client) => {
        for (let i = 1; i <= 20; i++) await client.say(`line ${i}`);
      }));
      await Promise.all(clients.map(async (client, author) => {
        const heard = names.map(() => 0);
        for (let missing = 20 * (names.length - 1); missing > 0; missing--) {
          const line = await client.until((line) => !line.startsWith("* "));
          const speaker = names.findIndex((name) => line.startsWith(`${name}: `));
          assert(speaker !== author, "it heard its own line");
          const wanted = `${names[speaker]}: line ${++heard[speaker]}`;
          assert.equal(line, wanted, `it heard ${shown(line)} in place of ${shown(wanted)}`);
        }
      }));
      // Nothing is left over.
      await clients[0].say("the end");
      for (const client of clients.slice(1)) await client.expect("anna: the end");
      await clients[1].say("the end");
      await clients[0].expect("boris: the end");
    },
  },
  {
    name: "lets all hear one order, in which somebody is dropped as well",
    seenBy:
      "one of five clients, two of which spoke while one more, which read nothing, was dropped",
    faults: [
      [/different orders/, "a client is dropped before all have the line that made it overrun"],
    ],
    async run(server) {
      using stack = new DisposableStack();
      const before = await enterAll(server, stack, names.slice(0, 3));
      stack.use(new Silent(server, "silent"));
      await Promise.all(before.map((client) => client.until((line) => line === "* silent came")));
      const after = await enterAll(server, stack, names.slice(3));
      const clients = [...before, ...after];
      const starts = clients.map((client) => client.lines.length);
      await speakUntilDropped(clients[0], clients[1], "silent");
      await clients[0].say("the end");
      await Promise.all(
        clients.slice(1).map((client) => client.until((line) => line === "anna: the end")),
      );
      const orders = clients.slice(1).map(({ lines }, i) =>
        // Each line has a number, as the same thing was said many times.
        lines.slice(starts[i + 1]).filter((line) => !line.endsWith(" came"))
          .map((line, i, all) => `${line} ${all.slice(0, i).filter((one) => one === line).length}`)
      );
      assert(haveOneOrder(orders), "they heard different orders");
    },
  },
  {
    name: "puts lines together that come in pieces, and takes several from one piece",
    seenBy: "a client that heard another one, whose lines were cut anywhere",
    faults: [
      [/\uFFFD/, "it decodes each piece by itself, but a piece may end within a character"],
      [/in place of/, "it takes each piece for whole lines: keep the beginning of the last one"],
    ],
    async run(server) {
      using listener = await Client.enter(server, "listener");
      const connection = await connect(server);
      using _speaker = new Client(connection);
      await sendAll(connection, bytesOf("spea"));
      await sleep(20);
      await sendAll(connection, bytesOf("ker\r\none\ntwo\r\n\r\n\nthr"));
      await sleep(20);
      await sendAll(connection, bytesOf("ee\n"));
      await listener.expect("* speaker came");
      await listener.expect(...["one", "two", "three"].map((line) => `speaker: ${line}`));
      for (const byte of bytesOf("Grüße, 你好, 🙂\r\n")) {
        await connection.write(Uint8Array.of(byte));
        await sleep(2);
      }
      await listener.expect("speaker: Grüße, 你好, 🙂");
    },
  },
  {
    name: "answers a line of more than 64 KiB with an error, once, and goes on",
    seenBy: "a client that sent lines of 65,536 and 65,537 bytes, and one of 32 MiB",
    faults: [
      [/memory grew/, "it keeps a line whose end does not come, however long that is"],
      [/in place of|still waiting/, "the length of a line is not checked, or not to the byte"],
    ],
    async run(server) {
      using stack = new DisposableStack();
      const [anna, boris] = await enterAll(server, stack, ["anna", "boris"]);
      for (const end of ["", "\r"]) {
        await anna.say("x".repeat(LONGEST) + end);
        await boris.expect(`anna: ${"x".repeat(LONGEST)}`);
        await anna.say("y".repeat(LONGEST + 1) + end);
        await anna.until((line) => line.startsWith("* too long"));
      }
      const before = server.peakMemory;
      await Promise.all([
        sendAll(anna.connection, new Uint8Array(32 * MEBIBYTE).fill(122)),
        anna.until((line) => line.startsWith("* too long")),
      ]);
      const grown = server.peakMemory - before;
      assert(grown < 24, `the server's memory grew by ${grown.toFixed(0)} MiB`);
      await anna.say(" the end of it");
      await anna.say("a short one");
      await boris.expect("anna: a short one");
      await boris.say("the end");
      await anna.expect("boris: the end"); // and no further error
    },
  },
  {
    name: "gives each name to one client at a time, and only names that are easy to read",
    seenBy: "a client that asked for names that are taken or impossible",
    faults: [[/./, "it does not check names, or does not give up those of clients that have gone"]],
    async run(server) {
      using anna = await Client.enter(server, "anna");
      using other = new Client(await connect(server));
      await other.next(); // the question
      for (const name of ["", " ", "*", "anna:", "a b", "a\x1b[2J", "n".repeat(21)]) {
        await other.say(name);
        assert.match(await other.next() ?? "", /^\* a name has/, `it may be called "${name}"`);
      }
      await other.say("anna");
      assert.match(await other.next() ?? "", /^\* anna is here already/, "two have one name");
      anna[Symbol.dispose]();
      for (let again = 0; again < 100; again++) {
        await other.say("anna");
        const answer = await other.next();
        if (answer?.startsWith("* welcome, anna")) break;
        assert.match(answer ?? "", /^\* anna is here already/, "a free name is refused");
        assert(again < 99, "a name stays taken when its client has gone");
        await sleep(10);
      }
      for (const name of ["小明", "ümit-2", "n".repeat(20)]) {
        using another = await Client.enter(server, name);
        await other.expect(`* ${name} came`);
        another[Symbol.dispose]();
        await other.expect(`* ${name} left`);
      }
    },
  },
  {
    name: "says who came and who left, however that happened",
    seenBy: "a client in the room, while others came, left, and reset their connections",
    faults: [[/./, "the end of a client is not noticed, or not said, or said twice"]],
    async run(server) {
      using anna = await Client.enter(server, "anna");
      {
        using _boris = await Client.enter(server, "boris");
        await anna.expect("* boris came");
      }
      await anna.expect("* boris left");
      {
        using rude = new Silent(server, "rude");
        await anna.expect("* rude came");
        rude.reset();
      }
      await anna.expect("* rude left");
      // One that has no name comes and goes unnoticed.
      (await connect(server)).close();
      using half = await Client.enter(server, "half");
      await anna.expect("* half came");
      await sendAll(half.connection, bytesOf("last words\nand some that have no end"));
      await half.connection.closeWrite();
      await anna.expect("half: last words", "* half left");
      assert.equal(await half.next(), undefined, "the connection is still open");
    },
  },
  {
    name: "answers a client that has already ended its sending",
    seenBy: "a client that sent its name and a line at once, and ended its sending, as nc -N does",
    faults: [[/./, "what waits for a client is lost when its input ends"]],
    async run(server) {
      using anna = await Client.enter(server, "anna");
      using hasty = new Client(await connect(server));
      await sendAll(hasty.connection, bytesOf("hasty\nhello\n"));
      await hasty.connection.closeWrite();
      await anna.expect("* hasty came", "hasty: hello", "* hasty left");
      await hasty.expect("* what is your name?", "* welcome, hasty; others here: 1");
      assert.equal(await hasty.next(), undefined, "the connection is still open");
    },
  },
  {
    name: "passes on no escape sequence and no other control character",
    seenBy: "a client that heard another one, which sent escape sequences",
    faults: [
      [/control character/, "a client can write to another's terminal: replace what is no text"],
    ],
    async run(server) {
      using stack = new DisposableStack();
      const [anna, boris] = await enterAll(server, stack, ["anna", "boris"]);
      const controls = Array.from({ length: 32 }, (_, i) => i).concat(127)
        .filter((code) => code !== 10);
      const lines = [
        "\x1b[2J\x1b]0;title\x07",
        "\u009b2J",
        "rewrites\rthis",
        String.fromCharCode(...controls),
      ];
      for (const line of lines) await anna.say(line);
      await sendAll(anna.connection, Uint8Array.of(0xff, 0x9b, 0xc3, 10)); // no UTF-8
      await anna.say("tä");
      for (let i = 0; i <= lines.length; i++) {
        const heard = await boris.until((line) => line.startsWith("anna: "));
        assert(!/\p{Cc}/u.test(heard), `a control character came through: ${shown(heard)}`);
      }
      await boris.expect("anna: tä");
    },
  },
  {
    name: "drops a client that does not read, says so to it, and lets the others notice nothing",
    seenBy: "one of the clients in the room, another of which read nothing",
    faults: [
      [/was not dropped|memory grew/, "what waits for a client has no limit"],
      [/last line|whole/, "it is dropped without a word, or in the middle of a line"],
      [/still waiting/, "the others wait until a client has read"],
    ],
    async run(server) {
      using stack = new DisposableStack();
      const [anna, boris] = await enterAll(server, stack, ["anna", "boris"]);
      const silent = stack.use(new Silent(server, "silent"));
      await boris.expect("* silent came");
      await speakUntilDropped(anna, boris, "silent");
      // Its name is free at once, although it has not read yet.
      using _again = await Client.enter(server, "silent");
      await boris.until((line) => line === "* silent came");
      const lines = (await silent.readAll()).split("\n");
      assert.equal(lines.pop(), "", "its last line has no end");
      assert.match(lines.pop()!, /^\* you were dropped: /, "its last line does not say so");
      const [, ...said] = lines.filter((line) => !line.startsWith("* "));
      assert(said.every((line) => line === `anna: ${"blah ".repeat(2000)}`), "a line is not whole");
    },
  },
  {
    name: "closes the connection of one that was dropped, if it takes nothing even then",
    seenBy: "seven seconds after a client had been dropped that never reads",
    faults: [
      [/still open/, "a client that never reads keeps its descriptor"],
      [
        /% of a core/,
        "it still waits for input from a client that is leaving, and does not take it",
      ],
    ],
    limit: 25_000,
    async run(server) {
      using stack = new DisposableStack();
      const [anna, boris] = await enterAll(server, stack, ["anna", "boris"]);
      await server.settled();
      const before = server.descriptors;
      const silent = stack.use(new Silent(server, "silent"));
      await boris.expect("* silent came");
      // It speaks as well: with each of its lines, its kernel acknowledges what it has taken. If
      // that is delayed (tcp(7), TCP_QUICKACK), it may come after the client was dropped, and make
      // room for the rest. When all is sent, its connection is rightly closed at once.
      await speakUntilDropped(anna, boris, "silent", () => silent.say("I do not listen"));
      silent.end(); // from now on, its input is at its end, whenever one looks
      const used = await server.cpuShare(400);
      assert(used < 0.4, `it used ${Math.round(100 * used)} % of a core`);
      await sleep(5000);
      await eventually(() => server.descriptors <= before, "the connection is still open");
    },
  },
  {
    name: "does not drop clients that read, when many speak at the same moment",
    seenBy: "one of 20 clients, each of which ended a line of 60 KB at the same moment",
    faults: [
      [/dropped|closed/, "what waits overruns before anything could be sent: send in between"],
    ],
    async run(server) {
      using stack = new DisposableStack();
      const all = Array.from({ length: 20 }, (_, i) => `client${i}`);
      const clients = await enterAll(server, stack, all);
      const line = "z".repeat(60_000);
      await Promise.all(clients.map(({ connection }) => sendAll(connection, bytesOf(line))));
      await sleep(50);
      await Promise.all(clients.map(({ connection }) => sendAll(connection, bytesOf("\n"))));
      await Promise.all(clients.map(async (client) => {
        for (let i = 1; i < all.length; i++) {
          const heard = await client.until((line) => !line.endsWith(" came"));
          assert(heard.endsWith(`: ${line}`), `it heard ${shown(heard)}: somebody was dropped`);
        }
      }));
    },
  },
  {
    name: "keeps little for 1,000 clients, 10 of which read nothing",
    seenBy: "a client in a room of 1,000, ten of which read nothing",
    faults: [[/memory grew/, "what waits for a client has no limit"]],
    connections: 1000,
    limit: 60_000,
    async run(server) {
      using stack = new DisposableStack();
      const [anna, boris] = await enterAll(server, stack, ["anna", "boris"]);
      const silent = Array.from(
        { length: 10 },
        (_, i) => stack.use(new Silent(server, `silent${i}`)),
      );
      const line = "blah ".repeat(2000);
      // The kernel has room for some megabytes, most of which are sent while there are few to hear.
      for (let i = 0; i < 250; i++) {
        await anna.say(line);
        await boris.until((heard) => heard === `anna: ${line}`);
      }
      let received = 0;
      async function readAll({ connection }: Client) {
        const piece = new Uint8Array(64 * 1024);
        for (let length; (length = await connection.read(piece)) !== null;) received += length;
      }
      await Promise.all(Array.from({ length: 988 }, async (_, i) => {
        const client = stack.use(await Client.enter(server, `client${i}`));
        ignoreRejection(readAll(client));
      }));
      const before = server.peakMemory;
      const dropped = new Set<string>();
      received = 0;
      for (let i = 1; i <= 1000 && dropped.size < silent.length; i++) {
        await anna.say(line);
        await boris.until((heard) => {
          if (heard.endsWith(" was dropped")) dropped.add(heard);
          return heard === `anna: ${line}`;
        });
        // The others are read by this process, too, which may be behind.
        while (received < i * 988 * line.length) await sleep(1);
      }
      assert.equal(dropped.size, silent.length, `${dropped.size} of 10 were dropped`);
      const grown = server.peakMemory - before;

      assert(grown < 192, `the server's memory grew by ${grown.toFixed(0)} MiB`);
      await deadline(boris.say("the end"), 2000, "it was not served");
      await anna.until((line) => line === "boris: the end");
    },
  },
];

/** All scenarios. */
export const chat: readonly Scenario[] = scenarios.map((scenario) => ({
  ...scenario,
  inspects: true,
  anyProtocol: true,
}));
