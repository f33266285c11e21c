/**
 * Which packages the tests run on, under `deno task test` and under plain `deno test`, and how
 * these end.
 */

import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { deadline, retry } from "@std/async";
import { EXIT_CODES } from "../shared/tools/process/signals.ts";
import { childrenOf, isRunning } from "../shared/tools/process/proc.ts";
import { copyOfProject } from "./checkouts.ts";
import { outcomeOf, ROOT, terminal } from "./processes.ts";

const TASK = ["run", "-A", `${ROOT}tests/run.ts`];
const PLAIN = ["test", "-A"];
const UNREACHABLE = "http://127.0.0.1:1/";

/** Runs Deno on a test file, with an empty cache, and JSR at another address. */
async function runTests(
  args: string[],
  source: string,
  { jsr = UNREACHABLE, cache, cwd = ROOT }: { jsr?: string; cache?: string; cwd?: string } = {},
) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/some_test.ts`, source);
    const start = performance.now();
    const ended = await outcomeOf(
      new Deno.Command(Deno.execPath(), {
        args: [...args, `${folder}/some_test.ts`],
        cwd,
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

Deno.test("where JSR cannot be reached, deno task test runs on the replacements", async () => {
  const { code, stdout } = await runTests(TASK, PASSES);
  assertEquals(code, 0, stdout);
  assertMatch(
    stdout,
    /^packages: the replacements in tests\/offline, since JSR cannot be reached\n/,
  );
  assertMatch(stdout, /1 passed \| 0 failed/);
});

Deno.test("where JSR never answers, deno task test waits five seconds for it at most", async () => {
  using swallows = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  async function accept() {
    for await (const connection of swallows) accepted.push(connection);
  }
  const accepting = accept();
  const jsr = `http://127.0.0.1:${swallows.addr.port}/`;
  const { code, stdout, time } = await runTests(TASK, PASSES, { jsr });
  swallows.close();
  await accepting;
  for (const connection of accepted) connection.close();
  assert(accepted.length > 0, "JSR was not asked");
  assertEquals(code, 0, stdout);
  assertMatch(stdout, /^packages: .*, since JSR did not answer in time\n/);
  assertLess(time, 15_000);
});

/** What the packages of {@linkcode serveJsr} print when they are loaded. */
const MARK = "loaded from JSR";

/** JSR for a while: it has one version of each package, and what it serves are the replacements. */
async function serveJsr(): Promise<Deno.HttpServer<Deno.NetAddr> & { requests: string[] }> {
  const sources = new Map<string, string>();
  for (const name of ["assert", "async", "net", "testing"]) {
    const folder = `${ROOT}tests/offline/${name}`;
    const { exports } = JSON.parse(Deno.readTextFileSync(`${folder}/deno.json`));
    const files: string[] = typeof exports === "string" ? [exports] : Object.values(exports);
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const file of files) {
      const source = `${Deno.readTextFileSync(`${folder}/${file}`)}console.log("${MARK}");\n`;
      const bytes = new TextEncoder().encode(source);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      manifest[file.slice(1)] = { size: bytes.length, checksum: `sha256-${hash.toHex()}` };
      sources.set(`/@std/${name}/1.0.0${file.slice(1)}`, source);
    }
    const paths = typeof exports === "string" ? { ".": exports } : exports;
    sources.set(`/@std/${name}/1.0.0_meta.json`, JSON.stringify({ exports: paths, manifest }));
    const versions = { "1.0.0": {} };
    sources.set(`/@std/${name}/meta.json`, JSON.stringify({ versions }));
  }
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    requests.push(pathname);
    const source = sources.get(pathname);
    return new Response(source, { status: source === undefined ? 404 : 200 });
  });
  return Object.assign(server, { requests });
}

Deno.test("where JSR answers, deno task test runs on its packages, then on the cache", async () => {
  const server = await serveJsr();
  const jsr = `http://127.0.0.1:${server.addr.port}/`;
  const cache = await Deno.makeTempDir();
  const online = await runTests(TASK, PASSES, { jsr, cache });
  await server.shutdown();
  const cached = await runTests(TASK, PASSES, { jsr, cache });
  await Deno.remove(cache, { recursive: true });
  for (const { code, stdout } of [online, cached]) {
    assertEquals(code, 0, stdout);
    assertMatch(stdout, /^packages: @std, from JSR\n/);
    assertStringIncludes(stdout, MARK);
  }
});

Deno.test("plain deno test runs on the replacements, with JSR in reach or not", async () => {
  const server = await serveJsr();
  for (const jsr of [UNREACHABLE, `http://127.0.0.1:${server.addr.port}/`]) {
    const { code, stdout, stderr } = await runTests(PLAIN, PASSES, { jsr });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /1 passed \| 0 failed/);
    assertEquals(stdout.includes(MARK), false);
  }
  await server.shutdown();
  assertEquals(server.requests, []);
});

Deno.test("both configurations of the tests say the same, but for the links", () => {
  const [plain, real] = ["deno.json", "tests/jsr.json"]
    .map((path) => JSON.parse(Deno.readTextFileSync(`${ROOT}${path}`)));
  const { imports, lock, test, links } = plain;
  assertEquals(real, { imports, lock, test });
  const names = links.map((link: string) =>
    JSON.parse(Deno.readTextFileSync(`${ROOT}${link}/deno.json`)).name
  );
  assertEquals(names, Object.keys(imports), "every package has a replacement");
});

Deno.test("a lesson asks no registry, and leaves no file behind", async () => {
  const server = await serveJsr();
  const cache = await Deno.makeTempDir();
  const before = [...Deno.readDirSync(ROOT)].map(({ name }) => name).sort();
  const { code } = await outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "lessons/11-delegation/main.ts"],
      cwd: ROOT,
      env: { JSR_URL: `http://127.0.0.1:${server.addr.port}/`, DENO_DIR: cache },
      stdin: "null",
    }),
  );
  await server.shutdown();
  await Deno.remove(cache, { recursive: true });
  assertEquals(code, 0);
  assertEquals(server.requests, []);
  assertEquals([...Deno.readDirSync(ROOT)].map(({ name }) => name).sort(), before);
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
  const [question] = childrenOf(child.pid);
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 143);
  await retry(
    () => assertThrows(() => Deno.statSync(`/proc/${question}`), Deno.errors.NotFound),
    { minTimeout: 10, maxAttempts: 10, jitter: 0 },
  );
  await Deno.remove(cache, { recursive: true });
});

/** Tests of which the first time fails. */
const FAILS_ONCE = `let first = true;
  try { Deno.statSync("marker"); first = false; } catch { Deno.writeTextFileSync("marker", ""); }
  Deno.test("has its steps", async (t) => {
    await t.step("and one of them fails the first time", () => { if (first) throw new Error(); });
  });`;

Deno.test("a file that fails beside others runs once more, and hides no other", async () => {
  const folder = copyOfProject(await Deno.makeTempDir());
  for (const { name, isDirectory } of Deno.readDirSync(`${folder}/tests`)) {
    const isTest = name.endsWith("_test.ts") && name !== "contract_test.ts";
    if (isTest) Deno.removeSync(`${folder}/tests/${name}`);
    else if (isDirectory && name !== "offline") {
      Deno.removeSync(`${folder}/tests/${name}`, { recursive: true });
    }
  }
  Deno.writeTextFileSync(`${folder}/tests/once_test.ts`, FAILS_ONCE);
  // There is always one that runs afterwards.
  const last = `Deno.test("passes", () => {}); // from "./sockets.ts"`;
  Deno.writeTextFileSync(`${folder}/tests/last_test.ts`, last);
  const run = () =>
    outcomeOf(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "tests/run.ts"],
        cwd: folder,
        env: { NO_COLOR: "1", JSR_URL: UNREACHABLE },
        stdin: "null",
      }),
    );
  const once = await run();
  assertEquals(once.code, 0, once.stdout);
  assertMatch(once.stdout, /\nonce more, with nothing beside: \.\/tests\/once_test\.ts\n/);
  assertEquals((await run()).stdout.includes("once more"), false);
  Deno.removeSync(`${folder}/marker`);
  Deno.writeTextFileSync(`${folder}/tests/two_test.ts`, 'Deno.test("fails", () => { throw 1; });');
  const both = await run();
  assertEquals(both.code, 1);
  assertMatch(both.stdout, /\nonce more, with nothing beside: \S+_test\.ts \S+_test\.ts\n/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a test that fails gives the exit code of deno test", async () => {
  assertEquals((await runTests(TASK, FAILS)).code, 1);
});

/** A test that starts a server, and something that may end only by force, and then never ends. */
const ENDLESS = `Deno.test("never ends", async () => {
  const server = ["run", "--allow-ffi", "${ROOT}lessons/01-blocking/server.ts", "--port", "0"];
  const quiet = { stdin: "null", stdout: "null" } as const;
  const children = [
    new Deno.Command(Deno.execPath(), { args: server, ...quiet }).spawn(),
    new Deno.Command("sh", { args: ["-c", Deno.env.get("TRAP") + "sleep 100"], ...quiet }).spawn(),
  ];
  const path = Deno.env.get("PIDS")!;
  Deno.writeTextFileSync(path + ".new", children.map(({ pid }) => pid).join(" "));
  Deno.renameSync(path + ".new", path);
  await new Promise(() => setInterval(() => {}, 1000));
});`;

/** Runs {@linkcode ENDLESS}. Returns the command's process, and the pids of what it started. */
async function startEndless(folder: string, [program, ...args]: string[], trap = "") {
  await Deno.writeTextFile(`${folder}/some_test.ts`, ENDLESS);
  const pids = `${folder}/pids`;
  const process = new Deno.Command(program, {
    args,
    cwd: ROOT,
    env: { JSR_URL: UNREACHABLE, DENO_DIR: `${folder}/cache`, PIDS: pids, TRAP: trap },
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const patience = { minTimeout: 50, multiplier: 1, jitter: 0, maxAttempts: 400 };
  const text = await retry(() => Deno.readTextFile(pids), patience);
  return { process, children: text.split(" ").map(Number) };
}

/** Fails if one of these processes still runs a while later. */
async function assertEnded(pids: number[]) {
  try {
    await retry(
      () => assertEquals(pids.filter(isRunning), []),
      { minTimeout: 20, multiplier: 1, jitter: 0, maxAttempts: 50 },
    );
  } finally {
    for (const pid of pids.filter(isRunning)) Deno.kill(pid, "SIGKILL");
  }
}

for (const [signal, code] of Object.entries(EXIT_CODES)) {
  Deno.test(`${signal} to deno task test alone leaves nothing running`, async () => {
    const folder = await Deno.makeTempDir();
    const command = [Deno.execPath(), "task", "test", `${folder}/some_test.ts`];
    const trap = signal === "SIGTERM" ? "trap '' TERM; " : "";
    const { process, children } = await startEndless(folder, command, trap);
    process.kill(signal as Deno.Signal);
    await process.stdin.close();
    assertEquals((await deadline(process.status, 20_000)).code, code);
    await assertEnded(children);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test({
  name: `Ctrl-C at a terminal ends deno task test, and leaves nothing running${
    terminal === undefined ? " (skipped: no script(1))" : ""
  }`,
  ignore: terminal === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const task = [Deno.execPath(), "task", "test", `${folder}/some_test.ts`];
    const command = task.map((word) => `'${word}'`).join(" ");
    const { process, children } = await startEndless(
      folder,
      [terminal!, "-qec", command, "/dev/null"],
    );
    const keyboard = process.stdin.getWriter();
    await keyboard.write(Uint8Array.of(3)); // Ctrl-C
    assertEquals((await deadline(process.status, 20_000)).code, 130);
    await keyboard.close().catch(() => {});
    await assertEnded(children);
    await Deno.remove(folder, { recursive: true });
  },
});
