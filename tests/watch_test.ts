/** What `deno task lesson` remembers, shows meanwhile, and does when a script changes. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { linesOf } from "../shared/lines.ts";
import { deno, outcomeOf, ROOT, terminal } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/lesson/main.ts"];

Deno.test("what has run is marked in the list, and the first of the others suggested", async () => {
  const state = await Deno.makeTempDir();
  const env = { XDG_STATE_HOME: state };
  const few = ["--clients", "1", "--pause", "0"];
  assertMatch((await deno(MAIN, env)).stdout, /\nNext: deno task lesson:00 \(.*\)\n$/);
  // Neither a look at the help nor a failure counts.
  await deno([...MAIN, "03", "--help"], env);
  await deno([...MAIN, "03", "--nonsense"], env);
  assertEquals((await deno(MAIN, env)).stdout.includes("✓"), false);

  for (const number of ["03", "03"]) await deno([...MAIN, number, ...few], env);
  const { stdout } = await deno(MAIN, env);
  assertStringIncludes(stdout, "✓ 03 · Non-blocking I/O");
  assertEquals(stdout.match(/✓/g)!.length, 1);
  assertMatch(stdout, /\nNext: deno task lesson:00 \(.*\)\n$/);
  assertEquals(await Deno.readTextFile(`${state}/network-io-models/lessons`), "03\n");
  await Deno.remove(state, { recursive: true });
});

Deno.test("a lesson runs all the same where nothing can be remembered", async () => {
  const places = [{ XDG_STATE_HOME: "/dev/null", HOME: "" }, { XDG_STATE_HOME: "", HOME: "" }];
  for (const env of places) {
    const options = ["--clients", "1", "--pause", "0"];
    const { code, stderr } = await deno([...MAIN, "04", ...options], env);
    assertEquals([code, stderr], [0, ""]);
    const list = await deno(MAIN, env);
    assertEquals([list.code, list.stderr, list.stdout.includes("✓")], [0, "", false]);
  }
});

Deno.test("with --watch, a lesson runs again after a change, with costs compared", async () => {
  const copy = await Deno.makeTempDir();
  await outcomeOf(new Deno.Command("cp", { args: ["-r", `${ROOT}shared`, copy] }));
  await Deno.mkdir(`${copy}/lessons`);
  const folder = `${copy}/lessons/03-nonblocking`;
  const args = ["-r", `${ROOT}lessons/03-nonblocking`, folder];
  await outcomeOf(new Deno.Command("cp", { args }));

  const process = new Deno.Command(Deno.execPath(), {
    args: [...MAIN, "03", "--watch", "--clients", "2", "--pause", "300"],
    cwd: copy,
    env: { NO_COLOR: "1", XDG_STATE_HOME: `${copy}/state` },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const lines = linesOf(process.stdout);
  async function until(text: string): Promise<string[]> {
    const read: string[] = [];
    while (true) {
      const { value, done } = await deadline(lines.next(), 20_000);
      assert(!done, `it ended before it said "${text}": ${read.join("\n")}`);
      read.push(value);
      if (value.startsWith(text)) return read;
    }
  }
  async function edit(from: string, to: string) {
    const server = await Deno.readTextFile(`${folder}/server.ts`);
    assertEquals(server.split(from).length, 2);
    await Deno.writeTextFile(`${folder}/server.ts`, server.replace(from, to));
  }
  try {
    const first = await until("Waiting for a change in lessons/03-nonblocking");
    assertEquals(first.includes("What the change did"), false);

    // A change that costs nothing, and then the one that the lesson's README suggests.
    await edit(
      ' } from "../../shared/server.ts";',
      ' } from "../../shared/server.ts";\nimport { sleep } from "../../shared/linux/time.ts";',
    );
    await until("Waiting for a change");
    await edit("  acceptOne();\n\n", "  acceptOne();\n  sleep(1);\n\n");
    const text = (await until("Waiting for a change")).join("\n");
    const changed = text.slice(text.indexOf("\nWhat the change did\n"));
    assertMatch(changed, /^\nWhat the change did\n {2,}before +after\n/);
    // The costs of the run that nothing watched are among the rows, and those that were recorded.
    assertMatch(changed, /^ {2}CPU time +[\d.]+ s, \d+ % of a core\s+[\d.]+ s, \d+ % of a core$/m);
    const calls = /^ {2}accept4 calls +([\d,]+) .*\n? +([\d,]+)/m.exec(changed)!.slice(1);
    const [before, after] = calls.map((number) => Number(number.replaceAll(",", "")));
    assert(before > 2 * after, `${before} calls, and then ${after}`);

    // A mistake ends the run, and not the watching.
    await edit("  sleep(1);\n", "  nonsense(;\n");
    const failed = await until("Waiting for a change");
    assertEquals(failed.includes("What the change did"), false);
    await edit("  nonsense(;\n", "");
    assertStringIncludes((await until("Waiting for a change")).join("\n"), "What the change did");

    process.kill("SIGINT");
    assertEquals((await deadline(process.status, 5_000)).code, 130);
  } finally {
    try {
      process.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await process.status;
    await lines.return(undefined); // which closes the process's output as well
    await Deno.remove(copy, { recursive: true });
  }
});

Deno.test({
  name: "a lesson that takes long shows progress at a terminal, and nowhere else" +
    (terminal === undefined ? " (skipped: no script(1))" : ""),
  ignore: terminal === undefined,
  fn: async () => {
    const options = ["03", "--clients", "1", "--pause", "1800"];
    const piped = await deno([...MAIN, ...options]);
    assertEquals([/[…\r]/.test(piped.stdout), piped.stderr], [false, ""]);

    const command = [Deno.execPath(), ...MAIN, ...options].map((word) => `'${word}'`).join(" ");
    const shown = await outcomeOf(
      new Deno.Command(terminal!, {
        args: ["-qec", command, "/dev/null"],
        cwd: ROOT,
        env: { NO_COLOR: "1", XDG_STATE_HOME: "/dev/null" },
        stdin: "null",
      }),
    );
    assertMatch(shown.stdout, /… 1 s\r/);
    assertStringIncludes(shown.stdout, "… recording the same again\r"); // and why it takes longer
    // What is printed stands on lines of its own: the line of progress has been cleared before.
    const last = shown.stdout.split("\r\n").map((line) => line.split("\r\x1b[K").at(-1)!);
    assert(last.includes("What it cost the server"), shown.stdout);
    assertEquals(last.some((line) => line.includes("…")), false);
  },
});
