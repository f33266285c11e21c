/** The proxies of lesson 24 between two sides that misbehave, and what splice does and does not. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { subjects } from "../shared/tools/check/subjects.ts";
import { deno } from "./processes.ts";
import { cases, silent } from "./proxies.ts";

const proxies = subjects.filter(({ behind }) => behind !== undefined);

for (const proxy of proxies) {
  for (const { name, run } of cases) {
    Deno.test(`${proxy.name}: the proxy ${name}`, () => run(proxy));
  }
}

// At once, since the kernel takes seconds for it.
Deno.test(`24 zero-copy: each proxy ${silent.name}`, async () => {
  await Promise.all(proxies.map((proxy) => silent.run(proxy)));
});

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

Deno.test("deno task trace shows the ends of a pipe, and the flags of splice by name", async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  const shared = new URL("../shared/linux/", import.meta.url);
  await Deno.writeTextFile(
    script,
    `import { pipe2, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, trySplice } from "${shared}pipe.ts";
    import { close } from "${shared}descriptors.ts";
    const [one, other] = [pipe2(), pipe2()];
    trySplice(one.read, other.write, 4096, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    close(one.read);`,
  );
  const { code, stderr } = await deno(["run", "-A", "shared/tools/trace/main.ts", script]);
  assertEquals(code, 0);
  const log = stderr.replaceAll(", preempted yes", "");
  const ends = [...log.matchAll(/pipe2\(\[(\d+), (\d+)\], O_CLOEXEC\) = 0/g)];
  assertEquals(ends.length, 2, log);
  assertStringIncludes(
    log,
    `splice(${ends[0][1]}, ${ends[1][2]}, 4096, SPLICE_F_MOVE|SPLICE_F_NONBLOCK) = -1 EAGAIN`,
  );
  await Deno.remove(script);
});
