/** `shared/client.ts`: asking, checking the answer, and reporting how it went. */

import { assertEquals, assertGreater, assertLess, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import {
  ask,
  checkReply,
  type Outcome,
  parseSummary,
  sendAll,
  WrongReply,
} from "../shared/client.ts";
import { deno } from "./processes.ts";

const hello = new TextEncoder().encode("hello");
const client = new URL("../shared/client.ts", import.meta.url);

/** A piece of a reply, and how many milliseconds pass before it is sent. */
type Piece = readonly [text: string, pause: number];

/** Connects to a server that reads one message, answers with these pieces, and then closes. */
async function connectTo(...pieces: Piece[]): Promise<Deno.TcpConn> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  async function answer() {
    using connection = await listener.accept();
    listener.close();
    connection.setNoDelay(true);
    await connection.read(new Uint8Array(100));
    for (const [text, pause] of pieces) {
      await delay(pause); // also keeps the pieces from being joined
      await connection.write(new TextEncoder().encode(text));
    }
  }
  answer().catch(() => {}); // the client may have gone
  return await Deno.connect({ hostname: "127.0.0.1", port });
}

/** Runs a script that uses `client.ts`, as a process: it sets the exit code. */
function script(body: string, args: string[] = []) {
  const code = `import * as client from "${client}";\n${body}`;
  return deno(["run", "-A", `data:text/javascript,${encodeURIComponent(code)}`, ...args]);
}

Deno.test("ask() returns the wait for the reply, counted from the moment of sending", async () => {
  using connection = await connectTo(["HELLO", 60]);
  await delay(100); // what comes before the message does not count
  const start = performance.now();
  const waited = await ask(connection, hello);
  assertGreater(waited, 55);
  assertLess(waited, performance.now() - start + 1);
  assertEquals(new TextDecoder().decode(hello), "hello"); // the message itself is not shouted
});

Deno.test("ask() counts the time for sending, too", async () => {
  // More than the kernel has room for: the server begins to read after 100 ms.
  const message = new Uint8Array(16 * 1024 * 1024);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  using connection = await connecting;
  async function echo() {
    await delay(100);
    await server.readable.pipeTo(server.writable, { preventClose: true, preventCancel: true });
  }
  const echoing = echo().catch(() => {});
  assertGreater(await ask(connection, message), 95);
  connection.close();
  await echoing;
});

Deno.test("ask() accepts a reply in however many pieces it arrives", async () => {
  using connection = await connectTo(["H", 10], ["EL", 10], ["LO", 10]);
  await ask(connection, hello);
});

const wrong: [pieces: string[], complaint: string][] = [
  [["HELlO"], "the reply is correct for 3 of 5 bytes, then a byte is wrong"],
  [["hello"], "the reply is correct for 0 of 5 bytes, then a byte is wrong"],
  [["HE", "LXO"], "the reply is correct for 3 of 5 bytes, then a byte is wrong"],
  [["HELLO!"], "the reply is correct for 5 of 5 bytes, then a byte is wrong"],
  [["HEL"], "the reply is correct for 3 of 5 bytes, then the connection was closed"],
  [[], "the reply is correct for 0 of 5 bytes, then the connection was closed"],
];
for (const [pieces, complaint] of wrong) {
  Deno.test(`ask() rejects the reply ${JSON.stringify(pieces)}, and says where`, async () => {
    using connection = await connectTo(...pieces.map((text) => [text, 10] as const));
    const { message } = await assertRejects(() => ask(connection, hello), WrongReply);
    assertEquals(message, complaint);
  });
}

Deno.test("checkReply() renews its patience with each piece", async () => {
  const patience = 500;
  // All of it takes nearly three times as long as the client's patience lasts.
  using connection = await connectTo(
    ["H", 0.9 * patience],
    ["EL", 0.9 * patience],
    ["LO", 0.9 * patience],
  );
  const start = performance.now();
  await Promise.all([sendAll(connection, hello), checkReply(connection, hello, patience)]);
  assertGreater(performance.now() - start, 2 * patience);
});

Deno.test("checkReply() gives up when nothing more arrives, and says how much did", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  using connection = await connecting;
  await server.write(new TextEncoder().encode("HE"));
  const { message } = await assertRejects(() => checkReply(connection, hello, 200), WrongReply);
  assertEquals(
    message,
    "the reply is correct for 2 of 5 bytes, then nothing more arrived for 0.2 s",
  );
});

Deno.test("ask() waits for 30 s, and for as much longer as the scenario lets it", async () => {
  const { code, stdout, stderr } = await script(`
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const connect = () => Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const { setTimeout } = globalThis;
    Deno.unrefTimer(setTimeout(() => Deno.exit(3), 10_000)); // if it does not give up
    // Time runs a thousand times as fast.
    globalThis.setTimeout = (action, time) => setTimeout(action, time / 1000);
    const message = new TextEncoder().encode("hello");
    for (const more of [undefined, 60_000]) {
      await client.ask(await connect(), message, more).catch(({ message }) => console.log(message));
    }
  `);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.split("\n"), [
    "the reply is correct for 0 of 5 bytes, then nothing more arrived for 30 s",
    "the reply is correct for 0 of 5 bytes, then nothing more arrived for 90 s",
    "",
  ]);
});

Deno.test("sendAll() sends all of a message, also if it takes many writes", async () => {
  const written: number[] = [];
  const slow = {
    write(bytes: Uint8Array) {
      const length = Math.min(bytes.length, 3);
      written.push(...bytes.subarray(0, length));
      return Promise.resolve(length);
    },
  };
  const message = Uint8Array.from({ length: 100 }, (_, i) => i);
  await sendAll(slow as unknown as Deno.Conn, message);
  assertEquals(written, [...message]);
});

Deno.test("runClients() prints the first three of many clients that fail alike", async () => {
  const { code, stdout } = await script(`
    await client.runClients(100, (n) =>
      Promise.reject(new client.WrongReply(n === 50 ? "other" : "no luck")));
  `);
  assertEquals(code, 1);
  assertEquals(stdout.split("\n").slice(0, -2), [
    "client 1: no luck",
    "client 2: no luck",
    "client 3: no luck",
    "client 50: other",
    "and 96 more: no luck",
  ]);
});

Deno.test("runClients() ends with a line that can be read back, and with exit code 0", async () => {
  const { code, stdout } = await script(
    "await client.runClients(3, (n) => Promise.resolve(n * 7))",
  );
  assertEquals(code, 0);
  const lines = stdout.trim().split("\n");
  assertEquals(lines.map(parseSummary), [{ clients: 3, correct: 3, longest: 21 }]);
});

Deno.test("runClients() reports a client that fails, and exits with 1 in the end", async () => {
  const { code, stdout, stderr } = await script(`
    await client.runClients(4, async (n) => {
      if (n === 2) throw new client.WrongReply("a byte is wrong");
      return n;
    });
  `);
  const lines = stdout.trim().split("\n");
  assertEquals([code, stderr, lines[0]], [1, "", "client 2: a byte is wrong"]);
  assertEquals(lines.slice(1).map(parseSummary), [{ clients: 4, correct: 3, longest: 4 }]);
});

Deno.test("runClients() lets no more clients visit at once than asked for, each once", async () => {
  const { stdout } = await script(`
    let [now, most] = [0, 0];
    const visited = [];
    await client.runClients(10, async (n) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      visited.push(n);
      return 1;
    }, 3);
    console.log(JSON.stringify({ most, visited: visited.sort((a, b) => a - b) }));
  `);
  const last = stdout.trim().split("\n").at(-1)!;
  assertEquals(JSON.parse(last), { most: 3, visited: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] });
});

for (const mistake of ["sendAl(hello)", "undefined.length", "null()", '({}).read("x")']) {
  Deno.test(`runClients() shows where a client's own mistake is: ${mistake}`, async () => {
    const { code, stdout, stderr } = await script(`
      client.clientOptions();
      async function visit() {
        ${mistake};
      }
      await client.runClients(3, visit);
    `);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^error: Uncaught \(in promise\) (Type|Reference)Error: /);
    assertMatch(stderr, /\n +at (async )?visit \(data:text\/javascript,.*:5:/);
  });
}

Deno.test("parseSummary() takes no other line for a client's last one", () => {
  const outcome: Outcome = { clients: 20, correct: 19, longest: 1002.5 };
  const line = "20 clients, 19 correct replies, longest wait 1002.5 ms";
  assertEquals(parseSummary(line), outcome);
  for (
    const other of [
      "client 1: said hello, reply after 0.1 ms",
      `${line}.`,
      `client 1: ${line}`,
      line.replace("1002.5", "NaN"),
      "",
    ]
  ) {
    assertEquals(parseSummary(other), undefined, other);
  }
});

Deno.test("clientOptions() reads a client's own options, and those of all clients", async () => {
  const { code, stdout } = await script(
    `console.log(JSON.stringify(client.clientOptions({
       pause: {
         type: "string", placeholder: "MS", help: "", initial: 5, takes: "", parse: Number,
       },
     })));`,
    ["--port", "9", "--pause", "7"],
  );
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout), { host: "127.0.0.1", port: 9, pause: 7 });
});

Deno.test("after clientOptions(), a missing server is one line and exit code 1", async () => {
  const { code, stdout, stderr } = await script(
    `
    const { host, port } = client.clientOptions();
    await Deno.connect({ hostname: host, port });
  `,
    ["--port", "1"],
  );
  assertEquals([code, stdout, stderr], [1, "", "Connection refused (os error 111)\n"]);
});
