/** The proxies of lesson 24 between two sides that misbehave, and what splice does and does not. */

import { assertEquals } from "@std/assert";
import { subjects } from "../shared/tools/check/subjects.ts";
import { deno } from "./processes.ts";
import { cases, silent } from "./proxies.ts";

for (const proxy of subjects.filter(({ behind }) => behind !== undefined)) {
  for (const { name, run } of [...cases, silent]) {
    Deno.test(`${proxy.name}: the proxy ${name}`, () => run(proxy));
  }
}

Deno.test("24 zero-copy: read and send copy twice, a mapping once, splice not at all", async () => {
  const run = ["run", "--no-prompt", "--allow-ffi", "lessons/24-zero-copy/ways.ts"];
  const { code, stdout, stderr } = await deno(run);
  assertEquals([code, stderr], [0, ""]);
  const rows = [...stdout.matchAll(/^(\w.*?) +(\d) +(\d) +(\d) +\d+ ms +\d+ ms$/gm)];
  assertEquals(rows.map(([, ...row]) => row), [
    ["read, send", "2", "4", "2"],
    ["mmap, send", "1", "2", "1"],
    ["splice, splice", "2", "4", "0"],
    ["sendfile", "1", "2", "0"],
  ]);
});
