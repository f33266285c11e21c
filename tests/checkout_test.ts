/** What a checkout has to stand: odd paths, other line ends, and being called from elsewhere. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { copyOfProject, git, whyNoGit } from "./checkouts.ts";
import { outcomeOf, ROOT } from "./processes.ts";

/** Runs Deno in a folder, with an empty cache and without any registry. */
async function denoIn(folder: string, ...args: string[]) {
  const cache = await Deno.makeTempDir();
  try {
    return await outcomeOf(
      new Deno.Command(Deno.execPath(), {
        args,
        cwd: folder,
        env: {
          NO_COLOR: "1",
          DENO_DIR: cache,
          INIT_CWD: folder,
          JSR_URL: "http://127.0.0.1:1/",
          NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
        },
        stdin: "null",
      }),
    );
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

Deno.test("a checkout may have spaces, umlauts and escapes in its path", async (t) => {
  const parent = await Deno.makeTempDir();
  const folder = copyOfProject(`${parent}/ein Ordner ü #1 50%41`);

  await t.step("plain deno test passes there", async () => {
    // Files that start scripts, compare modules, and put paths into other programs' arguments.
    const files = ["options", "catalogue", "strace", "readme"]
      .map((name) => `tests/${name}_test.ts`);
    const filter = "--filter=/--port|imports|link|01-blocking|by hand/";
    const { code, stdout, stderr } = await denoIn(folder, "test", "-A", filter, ...files);
    assertEquals(code, 0, stdout + stderr);
    assertMatch(stdout, /ok \| \d\d passed/);
  });

  await t.step("deno task test passes there", async () => {
    const { code, stdout } = await denoIn(folder, "task", "test", "tests/shout_test.ts");
    assertEquals(code, 0, stdout);
    assertMatch(stdout, /ok \| [1-9]\d* passed/);
  });

  await t.step("deno task timelines draws there", async () => {
    const picture = `${folder}/lessons/01-blocking/timeline.svg`;
    await Deno.writeTextFile(picture, "");
    const { code, stderr } = await denoIn(folder, "task", "timelines", "01");
    assertEquals(code, 0, stderr);
    assertMatch(await Deno.readTextFile(picture), /^<svg /);
  });

  await Deno.remove(parent, { recursive: true });
});

Deno.test({
  name: `a checkout keeps its line ends under core.autocrlf=true${
    whyNoGit && ` (skipped: ${whyNoGit})`
  }`,
  ignore: whyNoGit !== "",
  fn: async () => {
    const parent = await Deno.makeTempDir();
    const origin = copyOfProject(`${parent}/origin`);
    git(origin, "init", "--quiet");
    git(origin, "add", "--all");
    git(origin, "commit", "--quiet", "--message", "all");
    git(parent, "clone", "--quiet", "--config", "core.autocrlf=true", "origin", "clone");

    const changed = filesBelow(`${parent}/clone`).filter((path) => !path.endsWith(".png"))
      .filter((path) => Deno.readFileSync(path).includes("\r".charCodeAt(0)));
    assertEquals(changed, []);
    const options = { args: ["-n", ".ci/run"], cwd: `${parent}/clone` };
    assertEquals(await outcomeOf(new Deno.Command("bash", options)), {
      code: 0,
      stdout: "",
      stderr: "",
    });
    const { code, stdout } = await denoIn(
      `${parent}/clone`,
      ...["test", "-A", "tests/catalogue_test.ts", "tests/readme_test.ts", "--filter=/README/"],
    );
    assertEquals(code, 0, stdout);
    await Deno.remove(parent, { recursive: true });
  },
});

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].filter(({ name }) => name !== ".git").flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? filesBelow(path) : [path];
  });
}

Deno.test("tests/run.ts can be run from another folder, and takes files from there", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/some_test.ts`,
    `Deno.test("is in the root", () => void Deno.statSync("tests/run.ts"));`,
  );
  const script = `${ROOT}tests/run.ts`;
  const { code, stdout, stderr } = await denoIn(folder, "run", "-A", script, "some_test.ts");
  assertEquals(code, 0, stdout + stderr);
  assertMatch(stdout, /ok \| 1 passed/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("tests/ok.ts can be run from another folder", async () => {
  const folder = copyOfProject(await Deno.makeTempDir());
  await Deno.writeTextFile(`${folder}/shared/ugly.ts`, "const  a = 1");
  const { code, stderr } = await denoIn("/", "run", "-A", `${folder}/tests/ok.ts`);
  assertStringIncludes(stderr, "failed: deno fmt --check\n");
  assertEquals(code, 1);
  await Deno.remove(folder, { recursive: true });
});
