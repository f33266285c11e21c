/** `deno task play`: its command line, and the server behind its page. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { retry } from "@std/async";
import { gunzipSync } from "node:zlib";
import { recordable } from "../shared/tools/play/record.ts";
import type { Recording } from "../shared/tools/play/recording.ts";
import { Child } from "../shared/tools/process/child.ts";
import { whyNoBrowser, withPage } from "./browser.ts";
import { childrenOf, isRunning } from "../shared/tools/process/proc.ts";
import { isolated } from "./namespaces.ts";
import { deno, ROOT } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/play/main.ts"];

/** A running player, which shows no recording at first. */
async function startPlayer(...args: string[]) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const command = [Deno.execPath(), ...MAIN, ...args];
  const player = new Child(command, {
    cwd: ROOT,
    onLine(line) {
      const [, url] = /^playing on (http:\S+) /.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    },
  });
  const url = await Promise.race([promise, player.ended.then(() => "")]);
  assert(url !== "", player.errors.join("\n"));
  return { player, url, token: tokenIn(await (await fetch(url)).text()) };
}

/** The token that the page of a running player holds. */
function tokenIn(html: string): string {
  const [, data] = /octet-stream">([^<]*)</.exec(html)!;
  return JSON.parse(gunzipSync(Uint8Array.fromBase64(data)).toString()).live.token;
}

function run(url: string, token: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const headers = { "x-token": token };
  return fetch(`${url}run`, { method: "POST", headers, body: JSON.stringify(body), signal });
}

/** Sends a request as it is, and returns the status of the answer. */
async function statusOf(url: string, lines: string[]): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  await connection.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const answer = new Uint8Array(64);
  await connection.read(answer);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(new TextDecoder().decode(answer))?.[1]);
}

/** The scripts that a player runs now. */
function scriptsOf(player: Child): number[] {
  return childrenOf(player.pid).filter(isRunning);
}

Deno.test("the player answers to its own name, and runs nothing without its token", async () => {
  const { player, url, token } = await startPlayer();
  await using _ = player;
  const { host } = new URL(url);
  assertEquals(await statusOf(url, ["GET / HTTP/1.1", `Host: ${host}`]), 200);
  for (const name of ["evil.example", `evil.example:${new URL(url).port}`, "127.0.0.1"]) {
    assertEquals(await statusOf(url, ["GET / HTTP/1.1", `Host: ${name}`]), 403, name);
  }
  const wish = { lessons: ["01"], args: ["--pause", "1"] };
  for (const wrong of ["", "x", token.slice(1)]) {
    const response = await run(url, wrong, wish);
    assertEquals([response.status, await response.text()], [403, "wrong token"]);
  }
  assertEquals(scriptsOf(player), []);
});

Deno.test("the player refuses in words what it cannot run", async () => {
  const { player, url, token } = await startPlayer();
  await using _ = player;
  for (
    const [body, reason] of [
      [{ lessons: ["99"], args: [] }, "there is no such lesson"],
      [{ lessons: [], args: [] }, "there is no such lesson"],
      [{ lessons: ["01", "02", "03"], args: [] }, "there is no such lesson"],
      [{ lessons: ["01"], args: ["--port=1"] }, "the player chooses --port=1 itself"],
      [{ lessons: ["01"], args: [1] }, "options are texts"],
      [7, "what to run is written as JSON"],
    ] as const
  ) {
    const response = await run(url, token, body);
    assertEquals([response.status, await response.text()], [400, reason]);
  }
  // The client says itself what is wrong with an option, and its server is not left behind.
  const response = await run(url, token, { lessons: ["03"], args: ["--clients", "0"] });
  const { reason } = await response.json();
  assertStringIncludes(reason, "--clients takes a whole number");
  assertEquals(scriptsOf(player), []);
});

Deno.test("the player runs one lesson at a time, and ends it when its page is closed", async () => {
  const { player, url, token } = await startPlayer();
  await using _ = player;
  const closing = new AbortController();
  const long = await run(
    url,
    token,
    { lessons: ["01"], args: ["--pause", "60000"] },
    closing.signal,
  );
  const second = await run(url, token, { lessons: ["01"], args: [] });
  assertEquals([second.status, await second.text()], [
    409,
    "another lesson runs: wait until it has ended",
  ]);
  await retry(() => assertEquals(scriptsOf(player).length, 2), {
    minTimeout: 50,
    maxAttempts: 100,
  });
  closing.abort();
  await long.body?.cancel().catch(() => {});
  await retry(() => assertEquals(scriptsOf(player), []), { minTimeout: 50, maxAttempts: 100 });
  const cast = ["--cast", "silent:1,normal:2", "--pause", "10"];
  const third = await retry(async () => {
    const response = await run(url, token, { lessons: ["23"], args: cast });
    if (response.ok) return response;
    throw new Error(await response.text()); // the player has yet to notice that the scripts ended
  }, { minTimeout: 50, maxAttempts: 100 });
  const [{ lesson, args, names }]: Recording[] = await third.json();
  assertEquals([lesson, args], ["23", cast]);
  assert(Object.values(names).includes("client 1 (silent)"));
});

Deno.test("Ctrl-C ends the player at once, and with it what it runs", async () => {
  const { player, url, token } = await startPlayer();
  await using _ = player;
  const answer = run(url, token, { lessons: ["03"], args: ["--pause", "60000"] })
    .then((response) => response.text()).catch(() => "");
  await retry(() => assertEquals(scriptsOf(player).length, 2), {
    minTimeout: 50,
    maxAttempts: 100,
  });
  const scripts = scriptsOf(player);
  player.kill("SIGINT");
  assertEquals((await player.ended).code, 130);
  assertEquals(scripts.filter(isRunning), []);
  await answer;
});

Deno.test("the page learns which options a lesson's client has", async () => {
  const { player, url, token } = await startPlayer();
  await using _ = player;
  const response = await fetch(`${url}options?lesson=01`, { headers: { "x-token": token } });
  const options: { name: string; initial: string }[] = await response.json();
  assertEquals(options.find(({ name }) => name === "clients"), { name: "clients", initial: "3" });
  assert(options.some(({ name }) => name === "cast"));
  const unknown = await fetch(`${url}options?lesson=99`, { headers: { "x-token": token } });
  assertEquals([unknown.status, await unknown.text()], [404, "there is no lesson 99"]);
});

Deno.test({
  name: `the page runs a lesson again, with other options, and a race${
    whyNoBrowser === "" ? "" : ` (skipped: ${whyNoBrowser})`
  }`,
  ignore: whyNoBrowser !== "",
  sanitizeOps: false, // the browser's library leaves timers behind
  sanitizeResources: false,
  async fn() {
    const { player, url } = await startPlayer();
    await using _ = player;
    await withPage(async (page) => {
      await page.goto(url);
      const ready = (expression: string) => page.waitForFunction(expression, { timeout: 30_000 });
      await ready(`document.querySelector("#run input[name=clients]") !== null`);
      await page.evaluate(`document.querySelector("#run input[name=clients]").value = "2"`);
      await page.evaluate(`document.querySelector("#run input[name=pause]").value = "50"`);
      await page.click("#record");
      await ready(`document.querySelectorAll(".stage").length === 1`);
      assertEquals(await page.evaluate(`document.querySelectorAll(".connections .fd").length`), 2);
      await page.evaluate(`document.querySelector("#against").value = "02"`);
      await page.click("#record");
      await ready(`document.querySelectorAll(".stage").length === 2`);
      // What the address says can be run again elsewhere.
      assertMatch(String(await page.evaluate("location.hash")), /^#lesson=01,02&t=/);
    });
  },
});

for (
  const [args, reason] of [
    ["99", "there is no lesson 99; deno task lesson lists them"],
    ["16", "lesson 16 has nothing that can be played"],
    ["01,02,03", "no more than two lessons can be beside each other"],
    ["01,12", "a program has no clients to compare"],
    ["01 --port 70000", '--port takes a whole number from 0 to 65535, not "70000"'],
    ["01 --host 0.0.0.0", "the player chooses --host itself"],
    ["--clients 5", "--clients is an option of a lesson's client"],
    ["--all", "--all takes no lesson, and needs --out FOLDER"],
    ["--out x", "--out needs a lesson, or --all"],
    ["01 --out /dev/null/x.html", "/dev/null/x.html cannot be written: Not a directory"],
  ]
) {
  Deno.test(`deno task play ${args} is one line and exit code 2`, async () => {
    const { code, stdout, stderr } = await deno([...MAIN, ...args.split(" ")]);
    assertEquals([code, stdout], [2, ""]);
    assertEquals(stderr, `${reason} (--help shows the options)\n`);
  });
}

Deno.test("a taken port is one line and exit code 1", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stderr } = await deno([...MAIN, "--port", String(port)]);
  listener.close();
  assertEquals(code, 1);
  assertEquals(stderr, `port ${port} is taken: choose another with --port, or 0 for any\n`);
});

Deno.test("a wrong option is the client's own line, and nothing is written", async () => {
  const file = await Deno.makeTempFile();
  const { code, stderr } = await deno([...MAIN, "01", "--clients", "x", "--out", file]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--clients takes a whole number");
  assertEquals(await Deno.readTextFile(file), "");
  await Deno.remove(file);
});

const network = await isolated("--net", "ip link set lo up"); // without any but loopback

Deno.test({
  name: `lesson 03 is a page of less than 2 MB, recorded without a network or a cache${
    typeof network === "string" ? ` (skipped: ${network})` : ""
  }`,
  ignore: typeof network === "string",
  async fn() {
    if (typeof network === "string") return;
    const folder = await Deno.makeTempDir();
    const command = [Deno.execPath(), ...MAIN, "3", "--out", `${folder}/page.html`];
    const { code, stderr } = await network(
      'cache=$1; shift; DENO_DIR=$cache exec "$@"',
      `${folder}/cache`,
      ...command,
    );
    assertEquals([code, stderr], [0, ""]);
    const html = await Deno.readTextFile(`${folder}/page.html`);
    await Deno.remove(folder, { recursive: true });
    assert(html.length < 2_000_000, `${html.length} bytes`);
    // No address of anything else: no source, no link, no import.
    assertEquals(html.match(/\b(src|href)="(?!data:)[^"]*"|@import|url\(|\bimport\s/g), null);
  },
});

Deno.test("a folder of pages has an index, and what cannot be recorded is left out", async () => {
  const folder = await Deno.makeTempDir();
  const script = `
    import { withRun } from "${ROOT}shared/tools/lesson/visit.ts";
    import { writeSite } from "${ROOT}shared/tools/play/site.ts";
    Deno.exit(await withRun((run) => writeSite(run, "${folder}/new", [
      [["01"], ["--pause", "10"]],
      [["03"], ["--clients", "0"]],
      [["01", "02"], ["--pause", "10"]],
    ])));`;
  await Deno.writeTextFile(`${folder}/script.ts`, script);
  const { code, stdout, stderr } = await deno(["run", "-A", `${folder}/script.ts`]);
  assertEquals(code, 1);
  assertMatch(stderr, /^03: --clients takes a whole number/);
  assertEquals(stdout, `${folder}/new/01.html\n${folder}/new/01-02.html\n`);
  const index = await Deno.readTextFile(`${folder}/new/index.html`);
  assertEquals(
    [...index.matchAll(/href="([^"]*)">([^<]*)</g)].map(([, file, title]) => [file, title]),
    [
      ["01.html", "01 · Blocking I/O"],
      ["01-02.html", "01 · Blocking I/O | 02 · A thread for each client"],
    ],
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("every lesson with a server or with coroutines can be recorded", () => {
  const names = recordable();
  for (const name of ["01", "06/edge-triggered", "12", "14/plain"]) assert(names.includes(name));
  for (const name of ["10", "16", "17"]) assertEquals(names.includes(name), false);
  assertEquals(new Set(names).size, names.length);
});
