/** `deno task lesson --compare A,B`: two lessons or variants with the same clients. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { changes, sideBySide } from "../shared/tools/lesson/side_by_side.ts";
import { deno } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/lesson/main.ts"];

for (
  const [pair, args, clients, rows] of [
    ["3,4", ["--clients", "7", "--pause", "100"], 7, [/^ {2}select calls +– +\d+$/m]],
    [
      "06,06/edge-triggered",
      ["--clients", "20", "--active", "5", "--messages", "4"],
      20,
      [/^ {2}epoll_ctl calls +\d+ +\d+$/m],
    ],
    ["14/plain,14", ["--clients", "4", "--pause", "100"], 4, [/^ {2}epoll_wait calls +– +\d+$/m]],
  ] as const
) {
  Deno.test(`--compare ${pair} shows the costs of both, and both timelines`, async () => {
    const { code, stdout, stderr } = await deno([...MAIN, "--compare", pair, ...args]);
    assertEquals([code, stderr], [0, ""]);
    const [left, right] = pair.replace(/^3/, "03").replace(",4", ",04").split(",");
    assertMatch(stdout, new RegExp(`^ {2} +${left} +${right}$`, "m"));
    assertMatch(stdout, new RegExp(`^ {2}clients served +${clients} +${clients}$`, "m"));
    for (const row of rows) assertMatch(stdout, row);
    assertEquals(stdout.split("When it did what").length, 3);
    for (const line of stdout.split("\n")) assertEquals(line.length <= 80, true, line);
  });
}

Deno.test("--compare takes two lessons that have a server, else it is one line", async () => {
  for (
    const [value, says] of [
      ["03", "--compare takes two lessons or variants, such as 03,04"],
      ["03,99", "there is no lesson 99; deno task lesson lists them"],
      ["03,04/nothing", "there is no lesson 04/nothing; deno task lesson lists them"],
      ["03,10", "lesson 10 has no server to compare"],
      ["03,23", "lessons 03 and 23 do not speak the same: no client can visit both"],
    ]
  ) {
    const { code, stdout, stderr } = await deno([...MAIN, `--compare=${value}`]);
    assertEquals([code, stdout, stderr], [2, "", `${says} (--help shows the options)\n`]);
  }
});

Deno.test("a wrong option of the client ends a comparison with one line", async () => {
  const takes = "takes a whole number from 1 to 9000";
  const args = [...MAIN, "--compare", "03,04", "--clients", "nothing"];
  const { code, stdout, stderr } = await deno(args);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr, `--clients ${takes}, not "nothing" (--help shows the options)\n`);
});

Deno.test("--compare with --help shows the options of the client", async () => {
  const { code, stdout, stderr } = await deno([...MAIN, "--compare", "03,04", "-h"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^client │ {3}--clients N +\S/m);
});

Deno.test("sideBySide() gives a cell that is too wide a line for itself", () => {
  const rows = sideBySide(["a  1", "b  12345678901"], ["a  2", "c  3"], ["one", "two"], 16);
  assertEquals(rows, [
    "   one       two",
    "a  1         2",
    "b  12345678901",
    "             –",
    "c  –         3",
  ]);
});

Deno.test("changes() gives what differs, and says so if nothing does", () => {
  assertEquals(changes(["a  1", "b  2"], ["a  1", "b  3"]), ["   before  after", "b  2       3"]);
  assertEquals(changes(["a  1"], ["a  1"]), ["nothing"]);
});

Deno.test("deno task lesson lists the variants, and runs one by its name", async () => {
  const list = await deno(MAIN);
  assertStringIncludes(list.stdout, "deno task lesson 06/edge-triggered\n");
  const args = ["6/edge-triggered", "--clients", "3", "--active", "1", "--messages", "1"];
  const { code, stdout } = await deno([...MAIN, ...args]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "client │ 3 clients, 3 correct replies");
});
