/** `shared/client.ts`: asking, checking the answer, and saying how it went. */

import { assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { checkReply, type Outcome, parseSummary, sendAll } from "../shared/client.ts";
import { deno } from "./processes.ts";

const hello = new TextEncoder().encode("hello");
const client = new URL("../shared/client.ts", import.meta.url);

/** A connection on which `hello` was said, and answered with these pieces and then with the end. */
async function connectTo(...pieces: string[]): Promise<Deno.TcpConn> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  async function answer() {
    using connection = await listener.accept();
    connection.setNoDelay(true);
    await connection.read(new Uint8Array(100));
    for (const piece of pieces) {
      await connection.write(new TextEncoder().encode(piece));
      // So that they are not joined, and arrive one by one.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await Promise.all([answer(), sendAll(connection, hello)]);
  return connection;
}

/** Runs a script that uses `client.ts`, as a process: it sets the exit code. */
function script(body: string, args: string[] = []) {
  const code = `import * as client from "${client}";\n${body}`;
  return deno(["run", "-A", `data:text/javascript,${encodeURIComponent(code)}`, ...args]);
}

Deno.test("a right reply is accepted, and the wait for it returned", async () => {
  using connection = await connectTo("HELLO");
  const waited = await checkReply(connection, hello);
  assertGreater(waited, 0);
  assertLess(waited, 1000);
  assertEquals(new TextDecoder().decode(hello), "hello"); // the message itself is not shouted
});

Deno.test("a right reply is accepted in however many pieces it comes", async () => {
  using connection = await connectTo("H", "EL", "", "LO");
  await checkReply(connection, hello);
});

const wrong: [pieces: string[], complaint: string][] = [
  [["HELlO"], "the reply is right for 3 of 5 bytes, then a byte is wrong"],
  [["hello"], "the reply is right for 0 of 5 bytes, then a byte is wrong"],
  [["HE", "LXO"], "the reply is right for 3 of 5 bytes, then a byte is wrong"],
  [["HELLO!"], "the reply is right for 5 of 5 bytes, then a byte is wrong"],
  [["HEL"], "the reply is right for 3 of 5 bytes, then the connection was closed"],
  [[], "the reply is right for 0 of 5 bytes, then the connection was closed"],
];

for (const [pieces, complaint] of wrong) {
  Deno.test(`the reply ${JSON.stringify(pieces)} is an error that says where`, async () => {
    using connection = await connectTo(...pieces);
    const { message } = await assertRejects(() => checkReply(connection, hello), Error);
    assertEquals(message, complaint);
  });
}

Deno.test("a reply that does not come is given up after 30 s", async () => {
  const { code, stdout, stderr } = await script(`
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const { setTimeout } = globalThis;
    Deno.unrefTimer(setTimeout(() => Deno.exit(3), 10_000)); // if it is not given up
    // Time runs a thousand times as fast.
    globalThis.setTimeout = (action, time) => setTimeout(action, time / 1000);
    const message = new TextEncoder().encode("hello");
    await client.checkReply(connection, message).catch((error) => console.log(error.message));
  `);
  const expected = "the reply is right for 0 of 5 bytes, then no more came within 30 s\n";
  assertEquals([code, stdout, stderr], [0, expected, ""]);
});

Deno.test("sendAll sends all of a message, also if it takes many writes", async () => {
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

Deno.test("where many clients fail for the same reason, the first three say so", async () => {
  const { code, stdout } = await script(`
    await client.runClients(100, (n) => Promise.reject(new Error(n === 50 ? "other" : "no luck")));
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

Deno.test("the last line of a run can be read back, and 0 says all is right", async () => {
  const { code, stdout } = await script(
    "await client.runClients(3, (n) => Promise.resolve(n * 7))",
  );
  assertEquals(code, 0);
  const lines = stdout.trim().split("\n");
  assertEquals(lines.map(parseSummary), [{ clients: 3, right: 3, longest: 21 }]);
});

Deno.test("one client that fails is told, the others go on, and the exit code is 1", async () => {
  const { code, stdout, stderr } = await script(`
    await client.runClients(4, async (n) => {
      if (n === 2) throw new Error("a byte is wrong");
      return n;
    });
  `);
  const lines = stdout.trim().split("\n");
  assertEquals([code, stderr, lines[0]], [1, "", "client 2: a byte is wrong"]);
  assertEquals(lines.slice(1).map(parseSummary), [{ clients: 4, right: 3, longest: 4 }]);
});

Deno.test("no more clients visit at once than are to, and each one visits once", async () => {
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

Deno.test("any other line than a client's last one is not taken for it", () => {
  const outcome: Outcome = { clients: 20, right: 19, longest: 1002.5 };
  const line = "20 clients, 19 right replies, longest wait 1002.5 ms";
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

Deno.test("a client has its own options, and those that all clients have", async () => {
  const { code, stdout } = await script(
    `console.log(JSON.stringify(client.clientOptions({
       pause: { placeholder: "MS", help: "pause", initial: 5, parse: Number },
     })));`,
    ["--port", "9", "--pause", "7"],
  );
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout), { host: "127.0.0.1", port: 9, pause: 7 });
});
