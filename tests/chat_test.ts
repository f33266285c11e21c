/** Lesson 23: both servers in all that a chat room owes its clients, its parts, and its client. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { deadline } from "@std/async";
import { Outbox } from "../lessons/23-chat/outbox.ts";
import { haveOneOrder } from "../shared/one_order.ts";
import { bytesOf, pseudoRandom } from "../shared/tools/check/clients.ts";
import { Client } from "../shared/tools/check/scenarios/chat.ts";
import { Server } from "../shared/tools/check/server.ts";
import { subjectOf, withEdit } from "./mutants/mutants.ts";
import { deno, ROOT, terminal } from "./processes.ts";

const SERVERS = ["23 chat", "23 chat room"];
const CLIENT = ["run", "--no-prompt", "--allow-net", "lessons/23-chat/client.ts"];

/** Whether there is an nc(1) that can end its sending when its input ends; that of OpenBSD can. */
const hasNetcat = await (async () => {
  try {
    const { stderr } = await new Deno.Command("nc", { args: ["-h"] }).output();
    return new TextDecoder().decode(stderr).includes("-N");
  } catch {
    return false;
  }
})();

for (const name of SERVERS) {
  Deno.test(`${name}: the client hears one order, and one that is silent is dropped`, async () => {
    await using server = await Server.start(subjectOf(name));
    const { code, stdout, stderr } = await deno([...CLIENT, "--port", `${server.port}`]);
    assertEquals([code, stderr], [0, ""]);
    const [summary, ...rest] = stdout.split("\n");
    assertMatch(summary, /^4 clients, 4 correct replies, longest wait [\d.]+ ms$/);
    assertEquals(rest, [
      "all lines came to all in one order",
      "silent-1, at the end: * you were dropped: more than 256 KiB were waiting for you",
      "",
    ]);
  });
}

const WRONG = [
  [
    "a line comes twice",
    "    client.outbox.put(line);\n",
    "    client.outbox.put(line);\n    client.outbox.put(line);\n",
    /guest-\d heard \d+ of 3 lines of guest-\d; line \d is wrong/,
  ],
  [
    "a line is changed",
    "${printable(line)}",
    '${printable(line).replace("2", "3")}',
    /guest-\d heard 3 of 3 lines of guest-\d; line 2 is wrong/,
  ],
] as const;
for (const [what, from, to, says] of WRONG) {
  Deno.test(`23 chat: the client ends with exit code 1 if ${what}`, async () => {
    await withEdit(subjectOf("23 chat"), [[from, to]], async (mutant) => {
      await using server = await Server.start(mutant);
      const options = ["--port", `${server.port}`, "--lines", "3", "--size", "20", "--silent", "0"];
      const { code, stdout } = await deno([...CLIENT, ...options]);
      assertEquals(code, 1);
      assertMatch(stdout, says);
    });
  });
}

Deno.test("haveOneOrder() finds an order, and orders that contradict each other", () => {
  assert(haveOneOrder([]));
  assert(haveOneOrder([["b1", "c1"], ["a1", "c1"], ["a1", "b1"]]));
  assertEquals(haveOneOrder([["a", "b"], ["b", "a"]]), false);
  // Any two of these agree.
  assertEquals(haveOneOrder([["b1", "c1"], ["c1", "a1"], ["a1", "b1"]]), false);
});

Deno.test("Outbox hands over all bytes in their order, however many are taken at a time", () => {
  const random = pseudoRandom(23);
  for (let round = 0; round < 200; round++) {
    const outbox = new Outbox();
    const lines = Array.from(
      { length: 20 },
      (_, i) => `${"x".repeat(random.next().value % 9)}${i}\n`,
    );
    const buffer = new Uint8Array(1 + random.next().value % 40);
    let [taken, put] = ["", 0];
    while (put < lines.length || outbox.length > 0) {
      if (put < lines.length && random.next().value % 2) outbox.put(bytesOf(lines[put++]));
      const length = outbox.fill(buffer);
      assertEquals(length, Math.min(buffer.length, outbox.length));
      const some = random.next().value % (length + 1);
      taken += new TextDecoder().decode(buffer.subarray(0, some));
      outbox.remove(some);
    }
    assertEquals(taken, lines.join(""));
  }
});

Deno.test("Outbox hands over a line that waits alone without a copy, and others together", () => {
  const outbox = new Outbox();
  const lines = ["one\n", "two\n", "three\n"].map(bytesOf);
  outbox.put(lines[0]);
  assertStrictEquals(outbox.take(4), lines[0]);
  for (const line of lines) outbox.put(line);
  const taken = [10, 3, 1].map((most) => new TextDecoder().decode(outbox.take(most)));
  assertEquals([taken, outbox.length], [["one\ntwo\nth", "ree", "\n"], 0]);
});

Deno.test("Outbox keeps the rest of a line that was sent in part, and no other, at the end", () => {
  for (
    const [sent, left] of [[0, ""], [1, "ne\n"], [3, "\n"], [4, ""], [6, "o\n"], [8, ""]] as const
  ) {
    const outbox = new Outbox();
    for (const line of ["one\n", "two\n", "three\n"]) outbox.put(bytesOf(line));
    outbox.remove(sent);
    outbox.end(bytesOf("the end\n"));
    const buffer = new Uint8Array(100);
    const length = outbox.fill(buffer);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, length)), `${left}the end\n`);
    assertEquals(outbox.length, length);
  }
});

Deno.test("23 chat: more clients cost more, and gathered lines cost less", async () => {
  const { code, stdout, stderr } = await deno(["run", "--allow-ffi", "lessons/23-chat/fanout.ts"]);
  assertEquals([code, stderr], [0, ""]);
  const rows = stdout.split("\n").slice(2, 5)
    .map((line) => line.replaceAll(",", "").trim().split(/ +/).map(Number));
  assertEquals(rows.map(([clients]) => clients), [10, 100, 1000]);
  for (const [, single, gathered] of rows) assertLess(gathered, single / 3);
  const [few, , many] = rows.map(([clients, single]) => clients * single);
  assertGreater(many, 30 * few); // 100 times as many
});

Deno.test({
  name: "23 chat: three processes of nc converse, and a client that never reads is dropped" +
    (hasNetcat ? "" : " (skipped: there is no nc that knows -N)"),
  ignore: !hasNetcat,
  fn: async () => {
    await using server = await Server.start(subjectOf("23 chat"));
    const script = ["--allow-net", "--allow-run=nc", "lessons/23-chat/nc.ts"];
    const { code, stdout, stderr } = await deno(["run", ...script, "--port", `${server.port}`]);
    assertEquals([code, stderr], [0, ""]);
    for (const name of ["boris", "clara"]) {
      assertStringIncludes(stdout, `${name}  │ * silent was dropped\n`);
    }
    assertStringIncludes(stdout, "boris  │ clara: hello, 你好\n");
    assertStringIncludes(stdout, "anna   │ boris: nice, but who was silent?\n");
    assertMatch(stdout, /\nsilent │ \* you were dropped: .*\n$/);
  },
});

/** A person in the room: what is typed, and what is on the screen. */
class Person implements AsyncDisposable {
  output = "";
  readonly #process: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #read: Promise<void>;
  #changed = Promise.withResolvers<void>();

  constructor({ port }: Server, atTerminal: boolean) {
    const args = [...CLIENT, "--interactive", "--port", String(port)];
    const [program, ...rest] = atTerminal
      ? [terminal!, "-qec", [Deno.execPath(), ...args].join(" "), "/dev/null"]
      : [Deno.execPath(), ...args];
    const options = { args: rest, cwd: ROOT, env: { NO_COLOR: "1" } };
    const process = new Deno.Command(program, { ...options, stdin: "piped", stdout: "piped" });
    this.#process = process.spawn();
    this.#keyboard = this.#process.stdin.getWriter();
    this.#read = this.#readAll();
  }

  async #readAll() {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }

  async type(keys: string) {
    await this.#keyboard.write(bytesOf(keys));
  }

  /** Waits until something is on the screen. */
  async sees(text: string) {
    while (!this.output.includes(text)) await deadline(this.#changed.promise, 10_000);
  }

  /** Ends the input, unless a key has done so, and returns the exit code. */
  async end(close = true): Promise<number> {
    if (close) await this.#keyboard.close();
    const { code } = await deadline(this.#process.status, 10_000);
    await this.#read;
    return code;
  }

  async [Symbol.asyncDispose]() {
    await this.#keyboard.abort().catch(() => {});
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process.status;
    await this.#read;
  }
}

Deno.test("23 chat: --interactive sends what is piped in, and prints what it hears", async () => {
  await using server = await Server.start(subjectOf("23 chat"));
  using boris = await Client.enter(server, "boris");
  await using anna = new Person(server, false);
  await anna.type("anna\n");
  await anna.sees("* welcome, anna");
  await boris.say("hello");
  await anna.sees("boris: hello\n");
  await anna.type("grü");
  await anna.type("ße\nno end");
  assertEquals(await anna.end(), 0);
  await boris.expect("* anna came", "anna: grüße", "anna: no end", "* anna left");
  assertEquals(
    anna.output,
    "* what is your name?\n* welcome, anna; others here: 1\nboris: hello\n",
  );
});

Deno.test("23 chat: --interactive ends with exit code 1 if the room ends it", async () => {
  const server = await Server.start(subjectOf("23 chat"));
  await using anna = new Person(server, false);
  await anna.sees("* what is your name?\n");
  await server[Symbol.asyncDispose]();
  assertEquals(await anna.end(false), 1);
});

Deno.test({
  name: "23 chat: --interactive at a terminal prints what it hears above what is being typed" +
    (terminal ? "" : " (skipped: there is no script(1))"),
  ignore: terminal === undefined,
  fn: async () => {
    await using server = await Server.start(subjectOf("23 chat"));
    using boris = await Client.enter(server, "boris");
    await using anna = new Person(server, true);
    await anna.sees("> ");
    await anna.type("anna\r");
    await anna.sees("* welcome, anna");
    await anna.type("half of");
    await anna.sees("half of");
    await boris.say("in between");
    await anna.sees("boris: in between");
    await anna.type(" a l\x7fline 你\r"); // one key is taken back
    await boris.expect("* anna came", "anna: half of a line 你");
    await anna.sees("你"); // the terminal has shown all of it
    // The line that was typed is cleared, and drawn again below.
    const at = anna.output.indexOf("boris: in between");
    assertMatch(anna.output.slice(0, at), /half of.*\[0?J$/s);
    assertMatch(anna.output.slice(at), /^boris: in between\r\n[^a-z]*> half of/);
    await anna.type("\x04"); // Ctrl-D
    assertEquals(await anna.end(false), 0);
    await boris.expect("* anna left");
    await using clara = new Person(server, true);
    await clara.sees("> ");
    await clara.type("\x03"); // Ctrl-C
    assertEquals(await clara.end(false), 130);
    assertStringIncludes(clara.output, "> ");
  },
});
