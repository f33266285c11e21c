/** `deno task exercise`, as a reader uses it: with commands, and at a terminal. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { exercises } from "../shared/tools/exercise/exercises.ts";
import { impossible } from "../shared/tools/exercise/verify.ts";
import { copyOfProject, git, whyNoGit } from "./checkouts.ts";
import { terminal } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/exercise/main.ts"];

/** A copy of the project, in which exercises can be done. */
async function withProject(use: (project: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "exercises-" });
  try {
    await use(copyOfProject(`${folder}/project`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function exercise(project: string, ...args: string[]) {
  const env = { NO_COLOR: "1" };
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...MAIN, ...args],
    cwd: project,
    env,
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: out, stderr: err };
}

Deno.test("an exercise is begun, checked, and solved by its solution, with commands alone", () =>
  withProject(async (project) => {
    const copy = `${project}/lessons/12-sleep-scheduler/exercise.ts`;
    const begun = await exercise(project, "12.1");
    assertEquals([begun.code, begun.stderr], [0, ""]);
    assertStringIncludes(begun.stdout, "  lessons/12-sleep-scheduler/exercise.ts\n");
    assertMatch(begun.stdout, /\? *\n {4}a {2}\S.*\n {4}b {2}\S.*\n {4}c {2}\S.*\n/);
    const { stdout: noted } = await exercise(project, "predict", "A");
    assertEquals(noted, "12.1: a. Now: deno task exercise check\n");
    const failed = await exercise(project, "check");
    assertEquals(failed.code, 1);
    assertMatch(failed.stdout, /^✗ wakes both of two/);
    assertMatch(failed.stdout, /The answer is b, you predicted a: /);

    // Three hints, one after another.
    for (let i = 1; i <= 4; i++) {
      const { stdout } = await exercise(project, "hint");
      assertEquals(stdout.match(/^Hint \d of 3: /gm)?.length, Math.min(i, 3));
    }
    // The solution has to be asked for twice.
    assertMatch((await exercise(project, "solution")).stdout, /^Ask again /);
    const { stdout: diff } = await exercise(project, "solution", "12.1");
    assertMatch(diff, /^--- lessons\/12-sleep-scheduler\/exercise\.ts\n/);
    const before = await Deno.readTextFile(copy);
    await Deno.writeTextFile(copy, `${before}// mine\n`);

    // What a reader has written is never lost, except with reset.
    assertEquals((await exercise(project, "12.1")).code, 0);
    assertEquals(await Deno.readTextFile(copy), `${before}// mine\n`);
    assertEquals((await exercise(project, "12.1", "--reset")).code, 0);
    assertEquals(await Deno.readTextFile(copy), before);
    await Deno.writeTextFile(
      copy,
      await Deno.readTextFile(`${project}/lessons/12-sleep-scheduler/scheduler.ts`),
    );
    const foreign = await exercise(project, "check");
    assertEquals(foreign.code, 2, "it does not say which exercise it is");
    assertEquals((await exercise(project, "reset", "12.1")).code, 2);
    await Deno.writeTextFile(
      copy,
      before.split("\n")[0] + "\n" +
        await Deno.readTextFile(`${project}/lessons/12-sleep-scheduler/scheduler.ts`),
    );
    const solved = await exercise(project, "check");
    assertEquals(solved.code, 0, solved.stdout);
    assertMatch(solved.stdout, /^✓ 12\.1 is solved: it passes all \d+ checks\./);
    const { stdout: list } = await exercise(project);
    assertMatch(list, /^✓ 12\.1 /m);
    assertMatch(list, /^1 of \d+ solved$/m);
    // After success, hints and solution are there at once, and progress is plain text.
    assertEquals((await exercise(project, "solution")).code, 0);
    const progress = await Deno.readTextFile(`${project}/lessons/exercises.txt`);
    assertMatch(progress, /^12\.1 begun\n12\.1 predicted a\n/);
  }));

Deno.test("two exercises of a lesson keep their working copies apart", () =>
  withProject(async (project) => {
    const [first, second] = exercises.filter(({ script }) => script === "01-blocking/server.ts");
    if (second === undefined) return;
    const copy = `${project}/lessons/01-blocking/exercise.ts`;
    await exercise(project, first.id);
    await Deno.writeTextFile(copy, `${await Deno.readTextFile(copy)}// mine\n`);
    await exercise(project, second.id);
    assertStringIncludes(await Deno.readTextFile(copy), `// Exercise ${second.id}: `);
    await exercise(project, first.id);
    assertMatch(await Deno.readTextFile(copy), /\/\/ mine\n$/);
  }));

Deno.test("copies that name no exercise are set aside, and none replaces another", () =>
  withProject(async (project) => {
    const folder = `${project}/lessons/12-sleep-scheduler`;
    for (const text of ["// one\n", "// two\n"]) {
      await Deno.writeTextFile(`${folder}/exercise.ts`, text);
      await exercise(project, "12.1");
    }
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    const aside = names.filter((name) => name.startsWith("exercise.unknown")).sort();
    const texts = aside.map((name) => Deno.readTextFileSync(`${folder}/${name}`));
    assertEquals(texts.sort(), ["// one\n", "// two\n"]);
  }));

Deno.test("what cannot be done is one line and exit code 2", () =>
  withProject(async (project) => {
    for (
      const [args, says] of [
        [["check"], /^no exercise has been begun/],
        [["99.1"], /^there is no exercise 99\.1; deno task exercise lists them/],
        [["check", "99.1"], /^there is no exercise 99\.1/],
        [["nonsense"], /^there is no exercise nonsense/],
        [["--nonsense"], /^deno task exercise knows no option --nonsense/],
        [["12.1", "12.1"], /^deno task exercise takes one exercise/],
        [["hint", "1", "2"], /^deno task exercise hint takes one exercise/],
      ] as const
    ) {
      const { code, stdout, stderr } = await exercise(project, ...args);
      assertEquals([code, stdout], [2, ""], args.join(" "));
      assertMatch(stderr, says);
      assertMatch(stderr, /^[^\n]+\n$/);
    }
    await exercise(project, "12.1");
    const { code, stderr } = await exercise(project, "predict", "d");
    assertEquals([code, stderr.split(" (")[0]], [2, 'the answer is a, b or c, not "d"']);
    assertMatch((await exercise(project, "--help")).stdout, /^deno task exercise {2}/);
  }));

const possible = exercises.filter((exercise) => impossible(exercise) === undefined);
const random = possible[Math.floor(Math.random() * possible.length)];
const why = terminal === undefined ? "there is no script(1)" : whyNoGit;
Deno.test({
  name: `at a terminal, exercise ${random.id} is solved by applying its diff${
    why && ` (skipped: ${why})`
  }`,
  ignore: why !== "",
  fn: () =>
    withProject(async (project) => {
      const command = [Deno.execPath(), ...MAIN, random.id].join(" ");
      await using process = new Deno.Command(terminal!, {
        args: ["-qec", `stty cols 80 rows 24; ${command}`, "/dev/null"],
        cwd: project,
        env: { TERM: "xterm", NO_COLOR: "1" },
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const screen = new Screen(process.stdout);
      const keyboard = process.stdin.getWriter();
      const press = (key: string) => keyboard.write(new TextEncoder().encode(key));
      await screen.shows(/a, b or c\?/);
      await press("b");
      const shown = await screen.shows(/✗ [^]*to check it again/);
      assert(!shown.includes("exercise check"), `the check began by itself: ${shown}`);
      await press("s");
      await screen.shows(/Ask again/);
      await press("s");
      await screen.shows(/\n@@ /);
      await exercise(project, "solution", random.id).then(({ stdout }) =>
        Deno.writeTextFile(`${project}/solution.diff`, stdout)
      );
      git(project, "apply", "-p0", "solution.diff");
      await screen.shows(/✓ .* is solved/);
      await press("q");
      assertEquals((await process.status).code, 0);
      await keyboard.close().catch(() => {});
      await screen.ended;
    }),
});

/** What a program has written to its terminal so far. */
class Screen {
  #text = "";
  #changed = Promise.withResolvers<void>();
  readonly ended: Promise<void>;

  constructor(output: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.ended = this.#read(output);
  }

  async #read(output: ReadableStream<Uint8Array<ArrayBuffer>>) {
    for await (const text of output.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
    this.#changed.resolve();
  }

  /** Waits until it shows something, and returns all up to its end, which does not count again. */
  async shows(wanted: RegExp): Promise<string> {
    const timer = setTimeout(() => this.#changed.reject(new Error(this.#text)), 60_000);
    try {
      while (true) {
        const match = wanted.exec(this.#text);
        if (match !== null) {
          const shown = this.#text.slice(0, match.index + match[0].length);
          this.#text = this.#text.slice(shown.length);
          return shown;
        }
        await this.#changed.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
