/** `deno task test` and the choice of packages. */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { ROOT } from "./processes.ts";
import { outcomeOf } from "./processes.ts";

/** Runs a test file through `deno task test`, with an empty cache and JSR at another address. */
async function runTests(jsr: string, source: string) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/some_test.ts`, source);
    const start = performance.now();
    const ended = await outcomeOf(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "tests/run.ts", `${folder}/some_test.ts`],
        cwd: ROOT,
        env: { NO_COLOR: "1", JSR_URL: jsr, DENO_DIR: `${folder}/cache` },
        stdin: "null",
      }),
    );
    return { ...ended, time: performance.now() - start };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const PASSES = `import { assertEquals } from "@std/assert";
  Deno.test("passes", () => assertEquals(1, 1));`;
const FAILS = `import { assertEquals } from "@std/assert";
  Deno.test("fails", () => assertEquals(1, 2));`;

Deno.test("where JSR cannot be reached, the tests run on the replacements", async () => {
  const { code, stdout } = await runTests("http://127.0.0.1:1/", PASSES);
  assertEquals(code, 0, stdout);
  assertMatch(
    stdout,
    /^packages: the replacements in tests\/offline, since JSR cannot be reached\n/,
  );
  assertMatch(stdout, /1 passed \| 0 failed/);
});

Deno.test("where JSR never answers, they wait no longer than five seconds for it", async () => {
  using swallows = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  async function accept() {
    for await (const connection of swallows) accepted.push(connection);
  }
  const accepting = accept();
  const { code, stdout, time } = await runTests(
    `http://127.0.0.1:${swallows.addr.port}/`,
    PASSES,
  );
  swallows.close();
  await accepting;
  for (const connection of accepted) connection.close();
  assert(accepted.length > 0, "JSR was not asked");
  assertEquals(code, 0, stdout);
  assertMatch(stdout, /^packages: .*, since JSR did not answer in time\n/);
  assertLess(time, 15_000);
});

Deno.test("a test that fails gives the exit code of deno test", async () => {
  assertEquals((await runTests("http://127.0.0.1:1/", FAILS)).code, 1);
});
