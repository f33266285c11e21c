/** `deno task lesson:NN --cast`: a mixed cast of clients in place of a lesson's own. */

import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { Server } from "../shared/tools/check/server.ts";
import type { Change } from "../shared/tools/exercise/exercise.ts";
import { subjectOf, withEdit } from "./mutants/mutants.ts";
import { deno } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/lesson/main.ts"];

/** Runs a lesson with a cast, and returns how long each client waited, by its name. */
async function waits(lesson: string, cast: string, ...args: string[]) {
  const run = [...MAIN, lesson, "--cast", cast, "--pause", "200", ...args];
  const { code, stdout, stderr } = await deno(run);
  assertEquals([code, stderr], [0, ""], stdout);
  const rows = stdout.matchAll(/^client │ (client \d+ \(\w+\)): reply after ([\d.]+) ms$/gm);
  const waited = new Map([...rows].map(([, name, time]) => [name, Number(time)]));
  return { stdout, waited };
}

Deno.test("a silent client holds up a normal one of lesson 01, but not of lesson 06", async () => {
  const [first, last] = [
    await waits("01", "silent:1,normal:1"),
    await waits("06", "silent:1,normal:1"),
  ].map(({ waited }) => waited.get("client 2 (normal)")!);
  assertGreater(first, 150); // of the 200 ms for which the other one is silent
  assertLess(last, first);
});

Deno.test("each role of a cast takes part, and the lanes have the names of the roles", async () => {
  const { stdout, waited } = await waits("06", "silent:1,slow:1,greedy:1,rude:1,normal:2");
  assertEquals([...waited.keys()].sort(), [
    "client 1 (silent)",
    "client 2 (slow)",
    "client 3 (greedy)",
    "client 5 (normal)",
    "client 6 (normal)",
  ]);
  // The rude one gets no reply, so it is not among those whose replies are counted.
  assertMatch(stdout, /^client │ client 4 \(rude\): closed its connection without reading/m);
  assertMatch(stdout, /^client │ 5 clients, 5 correct replies, longest wait /m);
  const lanes = [...stdout.matchAll(/^ {2}(client \d \(\w+\)) {2,}[▒│┃░·]/gm)].map(([, name]) =>
    name
  );
  assertEquals(lanes, [
    "client 1 (silent)",
    "client 2 (slow)",
    "client 3 (greedy)",
    "client 4 (rude)",
    "client 5 (normal)",
    "client 6 (normal)",
  ]);
  // One byte at a time: its 24 bytes take the server as many calls.
  const recv = Number(/^ {2}recv calls +([\d,]+)/m.exec(stdout)![1].replace(",", ""));
  assertGreater(recv, "hello from client 2 (slow)".length);
});

Deno.test("lesson 22 may close the connection of a silent client of a cast", async () => {
  const { stdout } = await waits("22", "silent:1", "--pause", "500");
  assertMatch(stdout, /^client │ client 1 \(silent\): found its connection closed$/m);
});

const ROOM = "silent:1,slow:1,greedy:1,rude:1,normal:2";
const DROPPED =
  /^client 3 \(greedy\): heard \d+ of 421 lines, then: \* you were dropped: more than 256 KiB /;

/** What a cast prints that visits a chat room: its lines in the order of the alphabet. */
async function visitRoom(server: Server) {
  const script = ["run", "--no-prompt", "--allow-net", "lessons/23-chat/cast.ts"];
  const options = ["--port", `${server.port}`, "--cast", ROOM, "--pause", "50"];
  const { code, stdout, stderr } = await deno([...script, ...options]);
  return { code, stderr, lines: stdout.trimEnd().split("\n").sort() };
}

for (const name of ["23 chat", "23 chat room"]) {
  Deno.test(`${name}: a greedy client of a cast is dropped, and the others hear all`, async () => {
    await using server = await Server.start(subjectOf(name));
    const { code, stderr, lines } = await visitRoom(server);
    assertEquals([code, stderr], [0, ""], lines.join("\n"));
    const [summary, order, ...clients] = lines;
    assertMatch(summary, /^5 clients, 5 correct replies, longest wait [\d.]+ ms$/);
    assertEquals(order, "all lines came to all in one order");
    const [silent, slow, greedy, rude, ...normal] = clients;
    assertEquals(silent, "client 1 (silent): heard 421 of 421 lines");
    assertEquals(slow, "client 2 (slow): heard 420 of 420 lines");
    assertMatch(greedy, DROPPED);
    assertEquals(rude, "client 4 (rude): reset its connection in the middle of a line");
    assertEquals(normal, [5, 6].map((n) => `client ${n} (normal): heard 211 of 211 lines`));
  });
}

const WRONG: [what: string, change: Change, says: RegExp][] = [
  [
    "a room that says a line twice",
    [
      "    client.outbox.put(line);\n",
      "    for (let i = 0; i < 2; i++) client.outbox.put(line);\n",
    ],
    /^client \d: silent-1 heard \d+ of 210 lines of normal-\d; line \d is wrong$/m,
  ],
  [
    "a room that drops a client without a word",
    ["    this.put(line);\n  }\n}", "  }\n}"],
    /^client 3: greedy-3 heard \d+ of 210 lines of normal-\d; line \d+ is wrong$/m,
  ],
];
for (const [what, change, says] of WRONG) {
  Deno.test(`a cast ends with exit code 1 in ${what}`, async () => {
    await withEdit(subjectOf("23 chat"), [change], async (mutant) => {
      await using server = await Server.start(mutant);
      const { code, lines } = await visitRoom(server);
      assertEquals(code, 1);
      assertMatch(lines.join("\n"), says);
    });
  });
}

for (const names of ["01,02", "23,23/room"]) {
  Deno.test(`--compare ${names} shows both with the same cast`, async () => {
    const args = ["--compare", names, "--cast", "silent:1,normal:1", "--pause", "20"];
    const { code, stdout, stderr } = await deno([...MAIN, ...args]);
    assertEquals([code, stderr], [0, ""], stdout);
    assertEquals(stdout.match(/^ {2}client 1 \(silent\) /gm)?.length, 2);
  });
}

Deno.test("a cast that means nothing is one line, and --help shows what it takes", async () => {
  for (const cast of ["", "silent", "silent:x", "nobody:1", "silent:0", "normal:1001"]) {
    const { code, stdout } = await deno([...MAIN, "03", `--cast=${cast}`]);
    assertEquals(code, 2, cast);
    assertMatch(
      stdout,
      /^client │ --cast takes numbers of normal, silent, slow, greedy, rude.*\n$/m,
    );
  }
  for (const lesson of ["03", "23"]) {
    const { stdout } = await deno([...MAIN, lesson, "--help"]);
    assertMatch(stdout, /^and --cast silent:2/m);
    const help = await deno([...MAIN, lesson, "--cast", "silent:1", "--help"]);
    assertMatch(help.stdout, /^client │ {3}--cast KIND:N,… +how many clients of each kind: /m);
  }
});
