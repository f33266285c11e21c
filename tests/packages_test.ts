/** `deno task test` and the choice of packages. */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { retry } from "@std/async";
import { outcomeOf, ROOT } from "./processes.ts";

/** Runs a test file through `deno task test`, with an empty cache and JSR at another address. */
async function runTests(jsr: string, source: string, cache?: string) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/some_test.ts`, source);
    const start = performance.now();
    const ended = await outcomeOf(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "tests/run.ts", `${folder}/some_test.ts`],
        cwd: ROOT,
        env: { NO_COLOR: "1", JSR_URL: jsr, DENO_DIR: cache ?? `${folder}/cache` },
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

Deno.test("where JSR answers, they run on its packages, later from the cache", async () => {
  // JSR for a minute: it has one version of each package, and what it serves are the replacements.
  const sources = new Map<string, string>();
  for (const name of ["assert", "async", "net", "testing"]) {
    const { imports } = JSON.parse(Deno.readTextFileSync(`${ROOT}tests/offline/import_map.json`));
    const exports: Record<string, string> = {};
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const [specifier, file] of Object.entries<string>(imports)) {
      if (!`${specifier}/`.startsWith(`@std/${name}/`)) continue;
      const source = Deno.readFileSync(`${ROOT}tests/offline/${file}`);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", source));
      exports[specifier.replace(`@std/${name}`, ".")] = file;
      manifest[file.slice(1)] = { size: source.length, checksum: `sha256-${hash.toHex()}` };
      sources.set(`/@std/${name}/1.0.0${file.slice(1)}`, new TextDecoder().decode(source));
    }
    sources.set(`/@std/${name}/1.0.0_meta.json`, JSON.stringify({ exports, manifest }));
    const versions = { "1.0.0": {} };
    sources.set(`/@std/${name}/meta.json`, JSON.stringify({ versions }));
  }
  const jsr = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const source = sources.get(new URL(request.url).pathname);
    return new Response(source, { status: source === undefined ? 404 : 200 });
  });
  const url = `http://127.0.0.1:${jsr.addr.port}/`;
  const cache = await Deno.makeTempDir();
  const online = await runTests(url, PASSES, cache);
  await jsr.shutdown();
  const cached = await runTests(url, PASSES, cache);
  await Deno.remove(cache, { recursive: true });
  for (const { code, stdout } of [online, cached]) {
    assertEquals(code, 0, stdout);
    assertMatch(stdout, /^packages: @std, from JSR\n/);
  }
});

Deno.test("a checkout may have a space in its path", async () => {
  const folder = await Deno.makeTempDir({ prefix: "a checkout " });
  for (const name of Deno.readDirSync(`${ROOT}tests/offline`)) {
    await Deno.mkdir(`${folder}/offline`, { recursive: true });
    await Deno.copyFile(`${ROOT}tests/offline/${name.name}`, `${folder}/offline/${name.name}`);
  }
  for (const name of ["run.ts", "packages.ts", "contract_test.ts"]) {
    await Deno.copyFile(`${ROOT}tests/${name}`, `${folder}/${name}`);
  }
  await Deno.copyFile(`${ROOT}deno.json`, `${folder}/deno.json`);
  await Deno.writeTextFile(`${folder}/some_test.ts`, PASSES);
  const { code, stdout } = await outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "run.ts", "some_test.ts"],
      cwd: folder,
      env: { NO_COLOR: "1", JSR_URL: "http://127.0.0.1:1/", DENO_DIR: `${folder}/cache` },
      stdin: "null",
    }),
  );
  await Deno.remove(folder, { recursive: true });
  assertEquals(code, 0, stdout);
  assertMatch(stdout, /1 passed \| 0 failed/);
});

Deno.test("SIGTERM while JSR is asked ends the question too", async () => {
  using swallows = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const cache = await Deno.makeTempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tests/run.ts", "tests/shout_test.ts"],
    cwd: ROOT,
    env: { JSR_URL: `http://127.0.0.1:${swallows.addr.port}/`, DENO_DIR: cache },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  using _asked = await swallows.accept();
  const [question] = childrenOf(child.pid) ?? [];
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 143);
  await retry(
    () => assertEquals(childrenOf(question), undefined),
    { minTimeout: 10, maxAttempts: 10, jitter: 0 },
  );
  await Deno.remove(cache, { recursive: true });
});

/** The processes that a process has started, or nothing if it has ended. */
function childrenOf(pid: number): number[] | undefined {
  try {
    const tasks = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    return tasks.split(" ").filter(Boolean).map(Number);
  } catch {
    return undefined;
  }
}

Deno.test("a test that fails gives the exit code of deno test", async () => {
  assertEquals((await runTests("http://127.0.0.1:1/", FAILS)).code, 1);
});
