/** `deno task note`: a lesson as a page of notes, and its scripts as single files. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { pathToFileURL } from "node:url";
import { parseSummary } from "../shared/client.ts";
import { check, skipReason } from "../shared/tools/check/check.ts";
import { scenariosFor } from "../shared/tools/check/scenarios.ts";
import { Server } from "../shared/tools/check/server.ts";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { catalogue, servers } from "../shared/tools/lesson/catalogue.ts";
import { NotOneFile } from "../shared/tools/note/keep.ts";
import { pageOf, scriptsOf } from "../shared/tools/note/page.ts";
import { singleFile } from "../shared/tools/note/single.ts";
import { tokensOf } from "../shared/tools/note/tokens.ts";
import { deno, ROOT } from "./processes.ts";
import { subjectOf } from "./mutants/mutants.ts";

const MAIN = ["run", "-A", "shared/tools/note/main.ts"];

for (const lesson of catalogue) {
  Deno.test(`the page of lesson ${lesson.number} has the best of it, and stands by itself`, () => {
    const page = pageOf(lesson);
    assertMatch(page, /^---\ntitle: ".+"\nlesson: "\d\d"\nsource: .+\ntags: \[.+\]\n---\n\n# /);
    assertStringIncludes(page, `# ${lesson.number} · ${lesson.title}\n\n> ${lesson.idea}\n`);
    assertStringIncludes(page, "```mermaid\nsequenceDiagram\n");
    // The most important script is there as it is, and each of the others at least by its name.
    const names = scriptsOf(lesson.folder);
    const source = Deno.readTextFileSync(`${ROOT}lessons/${lesson.folder}/${names[0]}`);
    // Lesson 16 is about a table, not about a script.
    if (!lesson.main?.measures) {
      assertStringIncludes(page, `## ${names[0]}\n\n\`\`\`ts\n${source}\`\`\`\n`);
    }
    for (const name of names) {
      assertMatch(page, new RegExp(`^(## ${name}$|- \`${name}\`: \\S)`, "m"));
    }
    assertStringIncludes(page, `$ deno task lesson:${lesson.number}`);
    if (!lesson.main?.measures) assertMatch(page, /\n {2}CPU time +\d/);
    for (const section of ["What to notice", "What people say", "Try next"]) {
      assertMatch(page, new RegExp(`^## ${section}\\n\\n(- |\\d\\. |\\S)`, "m"));
    }
    assertMatch(page, /\n\| English +\| 中文 .*\n(\|.*\n)+$/);
    // Every block of code ends, and nothing outside of them leads to another file.
    assertEquals(page.match(/^```/gm)!.length % 2, 0);
    assertEquals(page.replaceAll(/^```[^]*?^```$/gm, "").match(/\]\((?!https?:)[^)]*\)/g), null);
    assertLess(page.split("\n").length, 400);
  });
}

Deno.test("a page shortens lines that are alike, and says how many there were", () => {
  const page = pageOf(catalogue.find(({ number }) => number === "03")!);
  assertMatch(page, /\n(client │ client \d+: .*\n){2}… 18 more lines like these\n/);
});

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
  for (const term of ["non-blocking", "greenlet"]) {
    assertEquals(terms("01").some((row) => row.includes(term)), false, term);
  }
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
  [
    ["03", "--single", "thread"],
    /lesson 03 has no thread\.ts: --single takes server, client \(--h/,
  ],
  [["13", "--single", "nothing"], /--single takes server, main, client, event_loop, futures/],
  [["03", "--single", "../01-blocking/server"], /lesson 03 has no \.\.\//],
  [["03", "--nonsense"], /--nonsense/],
  [["03", "--out="], /--out takes the name of a folder/],
  [["03", "--no.such"], /Unknown option '--no\.such' \(--help/],
  [["03", "--out", "/dev/null"], /^\/dev\/null.* cannot be (made|written): /, 1],
];
for (const [args, says, expected = 2] of refusals) {
  Deno.test(`deno task note ${args.join(" ")} is one line and exit code ${expected}`, async () => {
    const { code, stdout, stderr } = await deno([...MAIN, ...args]);
    assertEquals([code, stdout], [expected, ""]);
    assertMatch(stderr, /^[^\n]+\n$/);
    assertMatch(stderr, says);
  });
}

const folder = Deno.makeTempDirSync({ prefix: "single-" });
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** The single file of a script below `lessons/`, which is made when it is first needed. */
function fileOf(script: string): URL {
  const file = pathToFileURL(`${folder}/${script.replace("/", "-")}`);
  try {
    Deno.statSync(file);
  } catch {
    const text = singleFile(pathToFileURL(`${ROOT}lessons/${script}`), (comment) => comment);
    Deno.writeTextFileSync(file, text);
  }
  return file;
}

/** The lessons whose scripts stand by themselves: 16 and 17 start those of others. */
const alone = catalogue.filter(({ number }) => number !== "16" && number !== "17");
/** Their scripts and modules. */
const files = alone.flatMap(({ folder }) => scriptsOf(folder).map((name) => `${folder}/${name}`));

Deno.test("every script and module can be written as one file that is well formed", async () => {
  for (const script of files) {
    const text = Deno.readTextFileSync(fileOf(script));
    for (const [, from] of text.matchAll(/^(?:import|export) [^"';]*"([^"]+)";$/gm)) {
      assertMatch(from, /^node:/, script);
    }
    // Its own comment comes first, and none of its comments is missing.
    const original = Deno.readTextFileSync(`${ROOT}lessons/${script}`);
    assertEquals(text.split(" */")[0], original.split(" */")[0]);
    const lines = new Set(text.split("\n").map((line) => line.trim()));
    const comments = tokensOf(original).filter(({ kind }) => kind === "comment");
    assertGreater(comments.length, 0);
    for (const { text } of comments) {
      for (const line of text.split("\n")) {
        assert(lines.has(line.trim()) || endsIn(lines, line), line);
      }
    }
  }
  const formatted = await deno(["fmt", "--check", "--no-config", "--line-width", "100", folder]);
  assertEquals(formatted.code, 0, formatted.stderr);
  const checked = await deno(["check", "--quiet", folder]);
  assertEquals(checked.code, 0, checked.stderr);
});

/** Whether a comment stands behind something on its line. */
function endsIn(lines: Set<string>, comment: string): boolean {
  return [...lines].some((line) => line.endsWith(comment));
}

Deno.test("the lesson comes first in a single file, which has nothing of the tools", () => {
  for (const script of files) {
    const text = Deno.readTextFileSync(fileOf(script));
    const sections = [...text.matchAll(/^\/\/ ((?:lessons|shared)\/\S+?\.ts)/gm)].map(([, name]) =>
      name
    );
    // A module whose declarations need others at once has to come behind them.
    const place = text.includes("\nfunction main() {") || text.includes("\nasync function main() {")
      ? [sections[0]]
      : [sections[0], sections.at(-1)];
    assert(place.includes(`lessons/${script}`), script);
    if (/^1[234]-.*\/(scheduler|event_loop|greenlet)\.ts$/.test(script)) {
      assertEquals(sections[0], `lessons/${script}`);
    }
    assertEquals(sections.filter((name) => name.startsWith("shared/tools/")), []);
    assertEquals(new Set(sections).size, sections.length);
  }
});

/** How many lines the single file of a server may have. */
const MOST: Record<string, number> = {
  "00-two-phases/server.ts": 540, // the aim is 500
  "00-two-phases/two-calls.ts": 440,
  "01-blocking/server.ts": 420, // the aim is 320
  "02-threads/server.ts": 525, // the aim is 500
  "03-nonblocking/server.ts": 460,
  "04-select/server.ts": 565, // the aim is 460
  "05-poll/server.ts": 540, // the aim is 460
  "06-epoll/server.ts": 550, // the aim is 460
  "06-epoll/edges.ts": 560,
  "07-selectors/server.ts": 720, // the aim is 460
  "07-selectors/choose.ts": 1000,
  "08-signal-driven/server.ts": 500,
  "08-signal-driven/queued.ts": 670,
  "09-io-uring/server.ts": 720,
  "09-io-uring/provided.ts": 850,
  "13-event-loop/server.ts": 1290,
  "13-event-loop/smallest.ts": 740,
  "14-greenlets/server.ts": 1300,
  "15-async-await/server.ts": 460,
  "18-thread-pool/server.ts": 600,
  "18-thread-pool/queue.ts": 600,
  "23-chat/server.ts": 905, // the aim is 650
  "23-chat/room.ts": 465,
  "20-loop-per-core/server.ts": 765, // the aim is 600
  "20-loop-per-core/shared.ts": 760,
  "20-loop-per-core/handing.ts": 790,
  "21-computing/server.ts": 600,
  "21-computing/offload.ts": 925, // the aim is 600
  "24-zero-copy/server.ts": 690, // the aim is 650
  "24-zero-copy/copying.ts": 680, // the aim is 650
  "19-processes/server.ts": 600,
  "22-lifetime/server.ts": 1020, // the aim is 650
};

for (const [script, most] of Object.entries(MOST)) {
  Deno.test(`the single file of ${script} has no more than ${most} lines`, () => {
    const lines = Deno.readTextFileSync(fileOf(script)).trimEnd().split("\n").length;
    assertLess(lines, most + 1);
  });
}

Deno.test("every server has a limit for its single file", () => {
  const scripts = servers.map(({ script }) => script.href.replace(/.*\/lessons\//, ""));
  assertEquals(Object.keys(MOST).sort(), [...new Set(scripts)].sort());
});

Deno.test("a single file has the short form of comments, behind short declarations", async () => {
  const modules = await Deno.makeTempDir();
  const [least, above] = ["What stands above it.", "What has no room behind it ".repeat(4).trim()];
  await Deno.writeTextFile(
    `${modules}/one.ts`,
    `/** A module. */

/** ${least} */
export const A = 1;

/** ${above} */
export const B = 2;

/**
 * {@linkcode A} and b.
 *
 * More.
 *
 * @example none
 */
export class C {
  /** ${least} */
  readonly d = "d";
}

/** Adds. */
export function add(
  one: number,
  another: number,
): number {
  return one + another;
}
`,
  );
  await Deno.writeTextFile(
    `${modules}/script.ts`,
    'import { A, add, B, C } from "./one.ts";\n\n/** Its own. */\nconst own = new C();\n' +
      "console.log(add(A, B), own.d);\n",
  );
  const text = singleFile(pathToFileURL(`${modules}/script.ts`), (comment) => comment);
  await Deno.remove(modules, { recursive: true });
  assertStringIncludes(text, `\nconst A = 1; // ${least}\n// ${above}\nconst B = 2;\n`);
  assertStringIncludes(
    text,
    `\n// A and b.\n//\n// More.\n// @example none\nclass C {\n  readonly d = "d"; // W`,
  );
  assertStringIncludes(text, "\n// Adds.\nfunction add(one: number, another: number): number {\n");
  assertStringIncludes(text, "\n  /** Its own. */\n  const own = new C();\n");
});

Deno.test("a single file has of what a module offers only what it uses", () => {
  const client = Deno.readTextFileSync(fileOf("06-epoll/client.ts"));
  assertMatch(client, /^ {2}getrlimit: \{ parameters/m);
  assertEquals(/^ {2}(recv|epoll_wait|io_uring\w+): \{/m.test(client), false);
  const server = Deno.readTextFileSync(fileOf("01-blocking/server.ts"));
  assertEquals(/tryConnect|getsockopt|MSG_PEEK|text\(initial|function flag/.test(server), false);
});

Deno.test("deno task note 13 --single tasks prints a module that can be imported", async () => {
  const { code, stdout, stderr } = await deno([...MAIN, "13", "--single", "tasks"]);
  assertEquals([code, stderr], [0, ""]);
  const module = `${folder}/13-tasks-alone.ts`;
  await Deno.writeTextFile(module, stdout);
  await Deno.writeTextFile(
    `${folder}/uses.ts`,
    `import { createTask, gather, sleep } from "./13-tasks-alone.ts";
    console.log([createTask, gather, sleep].map((f) => typeof f).join());`,
  );
  const uses = await deno(["run", "--check", "--allow-ffi", `${folder}/uses.ts`]);
  assertEquals([uses.code, uses.stdout], [0, "function,function,function\n"]);
  await Deno.remove(module);
  await Deno.remove(`${folder}/uses.ts`);
});

for (const [lesson, name] of [["12", "scheduler"], ["13", "event_loop"], ["14", "greenlet"]]) {
  Deno.test(`the single file of ${name}.ts begins with it, and exports what it exports`, () => {
    const script = files.find((file) => file.startsWith(lesson) && file.endsWith(`/${name}.ts`))!;
    const [copy, original] = [fileOf(script), pathToFileURL(`${ROOT}lessons/${script}`)].map((
      url,
    ) =>
      [
        ...Deno.readTextFileSync(url).matchAll(
          /^export (?:async )?(?:function\*?|class|const|let|interface|type) (\w+)/gm,
        ),
      ]
        .map(([, name]) => name)
    );
    assertGreater(copy.length, 0);
    assertEquals(copy, original);
  });
}

Deno.test("deno task note 06 --single edges prints a variant with its own commands", async () => {
  const { code, stdout } = await deno([...MAIN, "06", "--single", "edges"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, " * Run:  deno run --allow-ffi 06-epoll-edges.ts\n");
  assertMatch(stdout, / \* Try: {2}deno run .* 06-epoll-client\.ts\n/);
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
    class Holder { list = 1; value(sep: number) { return sep + this.list; } }
    export function value(value: Partial<{ inner: string }> = { inner }) {
      const held = [1, 2].map((basename) => new Holder().value(basename));
      const text = \`\${held.length > 1 ? held : unused} /no pattern/ \`;
      return [value, typeof unused, performance.now() > 0, text.replace(/[/"]/g, "-")];
    }`,
};

Deno.test("one file means what many did, also where names clash or are passed on", async () => {
  const modules = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(MODULES)) {
    await Deno.writeTextFile(`${modules}/${name}`, text);
  }
  await deno(["fmt", "--quiet", modules]);
  // Importing all of it would end the process, since the effect of \`unused\` is not wanted.
  const many = (await Deno.readTextFile(`${modules}/one.ts`)).replace("Deno.exit(7)", "0");
  const text = singleFile(pathToFileURL(`${modules}/script.ts`), (comment) => comment);
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
});

Deno.test("a script that needs other files is not one file, and the reason says so", async () => {
  const path = `${folder}/starts.ts`;
  const scripts: [text: string, says: string][] = [
    ['console.log(new URL("./other.ts", import.meta.url));', "reads or starts other files"],
    ["console.log(import.meta.dirname);", "reads or starts other files (import.meta.dirname)"],
    ['console.log(await import("./other.ts"));', "has an import(…)"],
    ['import { a } from "./no_such.ts";\nconsole.log(a);', "no_such.ts does not exist"],
    ['import * as all from "./other.ts";\nconsole.log(all);', "in a way that is not understood"],
  ];
  await Deno.writeTextFile(`${folder}/other.ts`, "export const a = 1;");
  for (const [text, says] of scripts) {
    await Deno.writeTextFile(path, text);
    assertThrows(() => singleFile(pathToFileURL(path), (comment) => comment), NotOneFile, says);
  }
  await Deno.remove(path);
  await Deno.remove(`${folder}/other.ts`);
});

Deno.test("tokensOf() finds texts, templates, patterns, comments and signs", () => {
  const source = "a /* b */ = `c${d}e${{ f: `g` }}` / 2 + x.replace(/[/]`/g, '\\'') // end";
  assertEquals(tokensOf(source).map(({ kind, text }) => `${kind} ${text}`), [
    ...["word a", "comment /* b */", "sign =", "text `c${", "word d", "text }e${", "sign {"],
    ...["word f", "sign :", "text `g`", "sign }", "text }`", "sign /", "number 2", "sign +"],
    ...["word x", "sign .", "word replace", "sign (", "pattern /[/]`/g", "sign ,", "text '\\''"],
    ...["sign )", "comment // end"],
  ]);
});

/** Some of what every server has to stand: what would show that a part of it was left out. */
const CHOSEN = [
  "sends the whole reply after a half-close, and then closes",
  "reports in one line that its port is taken",
  "explains a wrong option in one line, and lists the options with --help",
  "passes each line on to all others, once, and not to its author", // of lesson 23
];

Deno.test("the scenarios that were chosen for single files exist", () => {
  const names = scenariosFor(subjectOf("23 chat")).map(({ name }) => name);
  for (const name of CHOSEN) assert(names.includes(name), name);
});

for (const { name, lesson, script, variant, args } of servers) {
  if (variant && args.length > 0) continue; // it is in the same file
  const subject = subjectOf(name);
  const excuse = unavailable(subject);
  const skipped = excuse === undefined ? "" : ` (skipped: ${excuse})`;
  const path = script.href.replace(/.*\/lessons\//, "");
  Deno.test({
    name: `${name}: the server in one file is as correct as the one in many${skipped}`,
    ignore: excuse !== undefined,
    fn: async (t) => {
      const all = scenariosFor(subject);
      for (const scenario of all.filter(({ name }) => CHOSEN.includes(name))) {
        if (skipReason(subject, scenario) !== undefined) continue;
        await t.step(scenario.name, () => check({ ...subject, script: fileOf(path) }, scenario));
      }
    },
  });

  if (variant) continue;
  Deno.test({
    name: `${name}: the client in one file gets correct replies from it${skipped}`,
    ignore: excuse !== undefined,
    fn: async () => {
      const client = fileOf(`${lesson.folder}/client.ts`);
      await using server = await Server.start({ ...subject, script: fileOf(path) });
      const port = ["--port", String(server.port)];
      // The same with fewer clients and shorter pauses, where that can be chosen.
      const source = Deno.readTextFileSync(client);
      const less = Object.entries({ clients: "3", pause: "50" })
        .flatMap(([name, n]) => source.includes(` ${name}: number(`) ? [`--${name}`, n] : []);
      const run = ["run", "--no-prompt", ...lesson.client.permissions, client.href];
      const { code, stdout, stderr } = await deno([...run, ...port, ...less]);
      assertEquals([code, stderr], [0, ""]);
      const outcome = stdout.split("\n").map(parseSummary).find((outcome) => outcome);
      assert(outcome !== undefined && outcome.correct === outcome.clients, stdout);
      assertGreater(outcome.clients, 0);
    },
  });
}

for (const { folder, main } of alone) {
  if (main === undefined) continue;
  Deno.test(`${folder.replace("-", " ")}: the program runs from one file`, async () => {
    const script = fileOf(`${folder}/main.ts`);
    const run = ["run", "--no-prompt", ...main.permissions, script.href];
    const { code, stderr } = await deno(run);
    assertEquals(code, 0, stderr);
  });
}
