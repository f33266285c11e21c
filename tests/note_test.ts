/** `deno task note`: a lesson as a page of notes, and its scripts as single files. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { pathToFileURL } from "node:url";
import { parseSummary } from "../shared/client.ts";
import { catalogue, type Lesson, serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { pageOf } from "../shared/tools/note/page.ts";
import { check } from "../shared/tools/check/check.ts";
import { scenarios } from "../shared/tools/check/scenarios.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";
import { subjects, unavailable } from "../shared/tools/check/subjects.ts";
import { whyNoCompiler } from "./packages.ts";
import { deno, ROOT } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/note/main.ts"];

for (const lesson of catalogue) {
  Deno.test(`the page of lesson ${lesson.number} has all in it and stands by itself`, () => {
    const page = pageOf(lesson);
    assertStringIncludes(page, `# ${lesson.number} · ${lesson.title}\n\n> ${lesson.idea}\n`);
    assertStringIncludes(page, "```mermaid\nsequenceDiagram\n");
    for (const side of ["main", "server", "client"] as const) {
      if (lesson[side] === undefined) continue;
      const source = Deno.readTextFileSync(`${ROOT}lessons/${lesson.folder}/${side}.ts`);
      assertStringIncludes(page, `## ${side}.ts\n\n\`\`\`ts\n${source}\`\`\`\n`);
    }
    assertStringIncludes(page, `$ deno task lesson:${lesson.number}`);
    if (!lesson.main?.measures) assertMatch(page, /\n {2}CPU time +\d/);
    assertStringIncludes(page, `## What to notice\n\n${lesson.notice}\n`);
    assertMatch(page, /\n\| English +\| 中文 .*\n(\|.*\n)+$/);
    // Every block of code ends, and nothing outside of them leads to another file.
    assertEquals(page.match(/^```/gm)!.length % 2, 0);
    assertEquals(page.replaceAll(/^```[^]*?^```$/gm, "").match(/\]\((?!https?:)[^)]*\)/g), null);
  });
}

Deno.test("a page names the terms that its lesson uses, and no others", () => {
  const terms = (number: string) =>
    [
      ...pageOf(catalogue.find((lesson) => lesson.number === number)!).split("## Terms")[1]
        .matchAll(/^\| (.*?) +\|/gm),
    ].map(([, term]) => term);
  assert(terms("03").includes("polling, busy waiting"));
  assert(terms("03").includes("copy the data"));
  assert(terms("06").includes("level-triggered, edge-triggered"));
  assertEquals(terms("03").includes("level-triggered, edge-triggered"), false);
  assertEquals(terms("01").includes("non-blocking") && terms("01").includes("greenlet"), false);
});

Deno.test("deno task note --out writes the page, with the timeline beside it", async () => {
  const folder = await Deno.makeTempDir();
  const { stdout } = await deno([...MAIN, "03", "--out", `${folder}/notes/`]);
  const names = stdout.trimEnd().split("\n").map((path) => path.replace(/.*\//, ""));
  const page = await Deno.readTextFile(`${folder}/notes/03-nonblocking.md`);
  let timeline: string | undefined;
  try {
    timeline = await Deno.readTextFile(`${ROOT}lessons/03-nonblocking/timeline.svg`);
  } catch {
    // It has not been drawn yet.
  }
  if (timeline === undefined) {
    assertEquals(names, ["03-nonblocking.md"]);
    assertEquals(page, pageOf(catalogue[3]));
  } else {
    assertEquals(names, ["03-nonblocking.md", "03-nonblocking-timeline.svg"]);
    assertEquals(
      await Deno.readTextFile(`${folder}/notes/03-nonblocking-timeline.svg`),
      timeline,
    );
    assertStringIncludes(page, "](03-nonblocking-timeline.svg)");
  }
  await Deno.remove(folder, { recursive: true });
});

const refusals: [args: string[], says: RegExp, code?: number][] = [
  [[], /takes the number of a lesson/],
  [["99"], /there is no lesson 99/],
  [["03", "04"], /takes the number of a lesson/],
  [["03", "--single", "thread"], /takes server, client or main, not "thread"/],
  [["03", "--single", "main"], /lesson 03 has no main\.ts/],
  [["03", "--nonsense"], /--nonsense/],
  [["03", "--out="], /--out takes the name of a folder/],
  [["03", "--no.such"], /Unknown option '--no\.such' \(--help/],
  [["03", "--out", "/dev/null"], /^\/dev\/null\/03-nonblocking\.md cannot be written: /, 1],
];
for (const [args, says, expected = 2] of refusals) {
  Deno.test(`deno task note ${args.join(" ")} is one line and exit code ${expected}`, async () => {
    const { code, stdout, stderr } = await deno([...MAIN, ...args]);
    assertEquals([code, stdout], [expected, ""]);
    assertMatch(stderr, /^[^\n]+\n$/);
    assertMatch(stderr, says);
  });
}

const reason = await whyNoCompiler();
const because = reason === undefined ? "" : ` (skipped: ${reason})`;
const folder = Deno.makeTempDirSync({ prefix: "single-" });
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** The text of a script and what it imports. */
async function textOf(script: URL): Promise<string> {
  // Not by its literal name, or the compiler would have to be there for this file to be checked.
  const { singleFile } = await import(
    new URL("../shared/tools/note/single.ts", import.meta.url).href
  );
  return singleFile(script, (comment: string) => comment);
}

/** The single file of a lesson's script, which is made when it is first needed. */
async function fileOf({ folder: lesson }: Lesson, side: string): Promise<URL> {
  const file = pathToFileURL(`${folder}/${lesson}-${side}.ts`);
  try {
    Deno.statSync(file);
  } catch {
    const script = pathToFileURL(`${ROOT}lessons/${lesson}/${side}.ts`);
    Deno.writeTextFileSync(file, await textOf(script));
  }
  return file;
}

/** Every script that a lesson runs. */
// The programs from lesson 16 on start the scripts of others, which no single file can hold.
const scripts = catalogue.filter(({ number }) => number < "16").flatMap((lesson) =>
  (["main", "server", "client"] as const)
    .flatMap((side) => lesson[side] === undefined ? [] : [{ lesson, side, ...lesson[side] }])
);

Deno.test({
  name: `every script can be written as one file that is well formed${because}`,
  ignore: reason !== undefined,
  fn: async () => {
    for (const { lesson, side } of scripts) {
      const text = Deno.readTextFileSync(await fileOf(lesson, side));
      for (const [, from] of text.matchAll(/^(?:import|export) [^"';]*"([^"]+)";$/gm)) {
        assertMatch(from, /^node:/);
      }
      // Its own comment comes first, and none of its comments is missing.
      const original = Deno.readTextFileSync(`${ROOT}lessons/${lesson.folder}/${side}.ts`);
      assertEquals(text.split(" */")[0], original.split(" */")[0]);
      const lines = new Set(text.split("\n").map((line) => line.trim()));
      for (const [line] of original.matchAll(/^ *(\/\/(?!\/)|\/\*\*) \w.*$/gm)) {
        assert(lines.has(line.trim()), line);
      }
    }
    const formatted = await deno(["fmt", "--check", "--no-config", "--line-width", "100", folder]);
    assertEquals(formatted.code, 0, formatted.stderr);
    const checked = await deno(["check", "--quiet", folder]);
    assertEquals(checked.code, 0, checked.stderr);
  },
});

Deno.test({
  name: `one file has of the C functions those that it uses${because}`,
  ignore: reason !== undefined,
  fn: async () => {
    // The tracer of a server knows all functions by name; this client calls one of them.
    const client = Deno.readTextFileSync(await fileOf(catalogue[6], "client"));
    assertMatch(client, /^ {2}getrlimit: \{ parameters/m);
    assertEquals(/^ {2}(recv|epoll_wait|io_uring\w+): \{/m.test(client), false);
  },
});

/** Modules in which everything is called alike. */
const MODULES = {
  "script.ts": `
    /** What it shows. */
    import { strict as check } from "node:assert";
    import { sep } from "node:path";
    import { value as other, list, type Kind } from "./one.ts";
    import { passedOn } from "./two.ts";
    const value: Kind = "script";
    const basename = (text: string) => text + sep;
    check.equal(basename("a"), "a/");
    console.log(JSON.stringify({ value, other, list, passedOn: passedOn() }));
    export {};`,
  "one.ts": `
    import { basename } from "node:path";
    export type Kind = string;
    /** Of no use to the script. */
    export const unused = Deno.exit(7);
    export const value = basename("/a/one");
    export const list: string[] = [];
    const performance = 1;
    for (const item of ["with", "an effect"]) list.push(item + performance);`,
  "two.ts": `
    import type { Kind } from "./one.ts";
    export { value as passedOn } from "./three.ts";
    export const never: Kind = "";`,
  "three.ts": `
    const { value: inner, unused = inner } = { value: "three", unused: undefined };
    export function value(value: Partial<{ inner: string }> = { inner }) {
      return [value, typeof unused, performance.now() > 0];
    }`,
};

Deno.test({
  name: `one file means what many did, also if names clash, are changed or passed on${because}`,
  ignore: reason !== undefined,
  fn: async () => {
    const modules = await Deno.makeTempDir();
    for (const [name, text] of Object.entries(MODULES)) {
      await Deno.writeTextFile(`${modules}/${name}`, text);
    }
    // Importing all of it would end the process, since the effect of \`unused\` is not wanted.
    const many = (await Deno.readTextFile(`${modules}/one.ts`)).replace("Deno.exit(7)", "0");
    const text = await textOf(pathToFileURL(`${modules}/script.ts`));
    await Deno.writeTextFile(`${modules}/one.ts`, many);
    await Deno.writeTextFile(`${modules}/single.ts`, text);
    const [expected, actual] = await Promise.all(
      ["script.ts", "single.ts"].map((name) => deno(["run", "--check", `${modules}/${name}`])),
    );
    assertMatch(expected.stdout, /"other":"one","list":\["with1","an effect1"\]/);
    assertEquals([actual.stdout, actual.code], [expected.stdout, 0], actual.stderr);
    assertMatch(text, /^\/\*\* What it shows\. \*\/\n/);
    assertEquals(text.includes("never"), false);
    await Deno.remove(modules, { recursive: true });
  },
});

Deno.test({
  name: `a script that needs other files is not one file, and that is said${because}`,
  ignore: reason !== undefined,
  fn: async () => {
    const path = `${folder}/starts.ts`;
    const scripts: [text: string, says: string][] = [
      ['console.log(new URL("./other.ts", import.meta.url));', "reads or starts other files"],
      ["console.log(import.meta.dirname);", "reads or starts other files (import.meta.dirname)"],
      ['console.log(await import("./other.ts"));', "has an import(…)"],
      ['import { a } from "./no_such.ts";\nconsole.log(a);', "./no_such.ts does not exist"],
    ];
    for (const [text, says] of scripts) {
      await Deno.writeTextFile(path, text);
      await assertRejects(() => textOf(pathToFileURL(path)), Error, says);
    }
    await Deno.remove(path);
  },
});

/** Some of what every server has to stand: what would tell that a part of it was left out. */
const CHOSEN = [
  "answers 20 clients at once",
  "sends the whole reply after a half-close, and then closes",
  "survives the resets of idle clients",
  "ends after the number of clients in --connections",
  "ends at once on SIGINT",
  "reports in one line that its port is taken",
  "explains a wrong option in one line, and lists the options with --help",
];

Deno.test("the scenarios that were chosen for single files exist", () => {
  const names = scenarios.map(({ name }) => name);
  for (const name of CHOSEN) assert(names.includes(name), name);
});

for (const lesson of serverLessons) {
  // A server's variants are in the same file, so one of them is enough.
  const subject = subjectOf(lesson);
  const excuse = reason ?? unavailable(subject);
  const skipped = excuse === undefined ? "" : ` (skipped: ${excuse})`;
  Deno.test({
    name: `${subject.name}: the server in one file is as right as the one in many${skipped}`,
    ignore: excuse !== undefined,
    fn: async (t) => {
      const script = await fileOf(lesson, "server");
      for (const scenario of scenarios.filter(({ name }) => CHOSEN.includes(name))) {
        await t.step(scenario.name, () => check({ ...subject, script }, scenario));
      }
    },
  });

  Deno.test({
    name: `${subject.name}: the client in one file gets right replies from it${skipped}`,
    ignore: excuse !== undefined,
    fn: async () => {
      const script = await fileOf(lesson, "client");
      await using server = await Server.start({
        ...subject,
        script: await fileOf(lesson, "server"),
      });
      const port = ["--port", String(server.port)];
      // The same with fewer clients and shorter pauses, where that can be chosen.
      const source = Deno.readTextFileSync(script);
      const less = Object.entries({ clients: "3", pause: "50" })
        .flatMap(([name, n]) => source.includes(` ${name}: number(`) ? [`--${name}`, n] : []);
      const run = ["run", "--no-prompt", ...lesson.client.permissions, script.href];
      const { code, stdout, stderr } = await deno([...run, ...port, ...less]);
      assertEquals([code, stderr], [0, ""]);
      const outcome = stdout.split("\n").map(parseSummary).find((outcome) => outcome);
      assert(outcome === undefined || outcome.right === outcome.clients, stdout);
    },
  });
}

for (const { lesson, side, permissions } of scripts.filter(({ side }) => side === "main")) {
  Deno.test({
    name: `${lesson.folder.replace("-", " ")}: the program runs from one file${because}`,
    ignore: reason !== undefined,
    fn: async () => {
      const script = await fileOf(lesson, side);
      const { code, stderr } = await deno(["run", "--no-prompt", ...permissions, script.href]);
      assertEquals(code, 0, stderr);
    },
  });
}

function subjectOf(lesson: Lesson): Subject {
  return subjects.find(({ name }) => name === lesson.folder.replace("-", " "))!;
}
