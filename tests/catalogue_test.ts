/** Whether folders, tasks, scripts, READMEs and the catalogue of the lessons agree. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import {
  catalogue,
  findLesson,
  type Lesson,
  LESSONS,
  servers,
} from "../shared/tools/lesson/catalogue.ts";
import { ROOT } from "./processes.ts";
import { filesBelow, scriptsBelow } from "./tree.ts";

const tasks: Record<string, { description: string; command: string }> = JSON.parse(
  Deno.readTextFileSync(`${ROOT}deno.json`),
).tasks;

/** The scripts that a lesson runs, with what each of them is called. */
function scriptsOf({ main, server, client }: Lesson) {
  const named = [["main", "program", main], ["server", "server", server]] as const;
  return [...named, ["client", "client", client] as const]
    .flatMap(([name, side, script]) => script === undefined ? [] : [{ name, side, ...script }]);
}

Deno.test("every lesson's folder is in the catalogue, and the other way round", () => {
  const folders = [...Deno.readDirSync(`${ROOT}lessons`)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).sort();
  assertEquals(catalogue.map(({ folder }) => folder), folders);
  for (const { number, folder } of catalogue) assertEquals(folder.slice(0, 2), number);
});

Deno.test("the course at a glance has every lesson, and the commands in it exist", () => {
  const page = Deno.readTextFileSync(`${ROOT}lessons/README.md`);
  for (const { number, folder } of catalogue) {
    assertMatch(page, new RegExp(`^\\| ${number} \\| \\[[\\w -]+\\]\\(${folder}/\\) `, "m"));
  }
  for (const [, number] of page.matchAll(/deno task lesson:(\d\d)/g)) {
    assert(tasks[`lesson:${number}`] !== undefined, number);
  }
  for (const [, names] of page.matchAll(/--compare (\S+,[\w/-]+)/g)) {
    for (const name of names.split(",")) assert(findLesson(name)?.server !== undefined, name);
  }
  for (const [path] of page.matchAll(/lessons\/\d\d[\w/-]+\.ts/g)) Deno.statSync(ROOT + path);
});

for (const lesson of catalogue) {
  const { number, folder, title, idea } = lesson;
  const path = `lessons/${folder}`;

  Deno.test(`lesson ${number} has a task that says what it is about`, () => {
    assertEquals(tasks[`lesson:${number}`], {
      description: `${title}: ${idea}`,
      command: `deno run -A shared/tools/lesson/main.ts ${number}`,
    });
  });

  Deno.test(`lesson ${number} has a README with all parts`, () => {
    const readme = Deno.readTextFileSync(`${ROOT}${path}/README.md`);
    assertStringIncludes(readme, `# ${number} · ${title}\n`);
    const parts = [...readme.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    assertEquals(parts.map((part) => part.replace("threads are", "thread is")), [
      "Where the thread is stuck",
      "Run it",
      "What it printed",
      "What to notice",
      "What people say",
      "Try next",
    ]);
    assertStringIncludes(readme, "```mermaid\nsequenceDiagram\n");
    assertMatch(readme, /\(C\d+\)/);
    assertStringIncludes(readme, `deno task test --filter "${folder.replace("-", " ")}"`);
    // What it printed is that run; the sentence at its end is derived from it, and tested
    // elsewhere.
    assertStringIncludes(readme, `$ deno task lesson:${number}`);
    assertStringIncludes(Deno.readTextFileSync(`${ROOT}README.md`), `](${path}/)`);
  });

  const { server } = lesson;
  if (server !== undefined) {
    Deno.test(`lesson ${number} has a timeline of its scripts, in its README as well`, () => {
      const svg = Deno.readTextFileSync(`${ROOT}${path}/timeline.svg`);
      assertStringIncludes(svg, `<title id="title">${number} · ${title}</title>`);
      assertMatch(svg, /class="costs quiet">The server: CPU time [^<]* calls/);
      const lanes = [...svg.matchAll(/<g class="lane"><title>([^<]+)</g)].map(([, name]) => name);
      // A server that makes no calls of its own has no lane, nor has a main thread that makes none.
      const threads = number === "18" || server.loops;
      const first = server.native ? "client 1" : threads ? "thread 1" : "server";
      assertEquals(lanes[0], first);
      assert(lanes.includes("client 1") && lanes.length <= 20, lanes.join());
      const legend = svg.slice(svg.indexOf('class="legend"'));
      for (const state of ["waits", "receives or sends"]) assertStringIncludes(legend, state);
      const readme = Deno.readTextFileSync(`${ROOT}${path}/README.md`);
      const printed = readme.slice(readme.indexOf("## What it printed"));
      assertMatch(printed, /!\[Timeline: [^\]]{60,}\]\(timeline\.svg\)/);
      assertStringIncludes(printed, `\nWhen it did what\n  ${first} `);
    });
  }

  Deno.test(`lesson ${number} runs the scripts that it has`, () => {
    const names = scriptsOf(lesson).map(({ name }) => name);
    const possible = ["main", "server", "client"];
    const files = new Set(scriptsBelow(path).map((file) => file.replace(/.*\/|\.ts$/g, "")));
    assertEquals(names, possible.filter((name) => files.has(name)));
    assertEquals(names.includes("server"), names.includes("client"));
  });

  for (const { name, side, permissions } of scriptsOf(lesson)) {
    Deno.test(`the ${side} of lesson ${number} has a header that says how to run it`, () => {
      const source = Deno.readTextFileSync(`${ROOT}${path}/${name}.ts`);
      const header = /^\/\*\*\n( \*.*\n)+? \*\//.exec(source)?.[0] ?? "";
      assertStringIncludes(header, ` * Lesson ${number} · ${title}: the ${side}.\n`);
      const run = ["deno run", ...permissions, `${path}/${name}.ts`].join(" ");
      assertStringIncludes(header, ` * Run:  ${run}\n`);
      const tried = name === "main"
        ? ""
        : ["deno run", ...lesson.client!.permissions, ""].join(" ");
      assertStringIncludes(header, ` * Try:  ${tried}${tried && `${path}/client.ts`}`);
      if (side === "server") assertMatch(header, / \* Man: {2}.*\w+\(\d\)/);
    });

    Deno.test(`the ${side} of lesson ${number} can be read in one sitting`, () => {
      const [least, most] = name === "server" ? [40, 100] : name === "client" ? [1, 59] : [1, 100];
      assertReadable(`${path}/${name}.ts`, least, most);
    });
  }
}

/** Whether a script reads from top to bottom: its length, and what it must not have. */
function assertReadable(path: string, least: number, most: number) {
  const source = Deno.readTextFileSync(ROOT + path);
  const { length } = source.trimEnd().split("\n");
  assert(length >= least && length <= most, `${length} lines`);
  const exported = source.match(/^export (?!interface Task )\w+ \w+/gm); // for the main thread
  assertEquals(exported, null);
  assert(!/^(const|let) \w+ = (async )?(\([^)]*\)|\w+)(: \w+)? =>/m.test(source), "an arrow");
  assert(!/\bfunction main\b/.test(source), "it has a main()");
}

for (const { name, lesson, script, variant, permissions } of servers) {
  const file = script.href.slice(LESSONS.href.length);
  if (!variant || file.endsWith("/server.ts")) continue;
  Deno.test(`${name} is a script with a header, and can be read in one sitting`, () => {
    const { number, title, folder, client } = lesson;
    const source = Deno.readTextFileSync(script);
    const header = /^\/\*\*\n( \*.*\n)+? \*\//.exec(source)?.[0] ?? "";
    assertMatch(header, new RegExp(`^ \\* Lesson ${number} · ${title}: .+\\.$`, "m"));
    assertStringIncludes(header, ` * Run:  deno run ${permissions.join(" ")} lessons/${file}\n`);
    const tried = `deno run ${client.permissions.join(" ")} lessons/${folder}/client.ts`;
    assertStringIncludes(header, ` * Try:  ${tried}\n`);
    assertMatch(header, / \* Man: {2}.*\w+\(\d\)/);
    assertReadable(`lessons/${file}`, 40, 100);
  });
}

for (
  const path of [
    "02-threads/thread",
    "18-thread-pool/thread",
    "18-thread-pool/worker",
    "19-processes/child",
  ]
) {
  Deno.test(`what a thread or a process does in ${path}.ts is no longer than a client`, () => {
    assertReadable(`lessons/${path}.ts`, 1, 59);
  });
}

Deno.test("the loop of lesson 20 is no longer than a server", () => {
  assertReadable("lessons/20-loop-per-core/loop.ts", 40, 100);
});

Deno.test("no script has a line of more than 100 characters", () => {
  const long: string[] = [];
  for (const path of ["lessons", "shared", "tests"].flatMap(scriptsBelow)) {
    Deno.readTextFileSync(ROOT + path).split("\n").forEach((line, i) => {
      if ([...line].length > 100) long.push(`${path}:${i + 1}`);
    });
  }
  assertEquals(long, []);
});

Deno.test("no README has a link to a file that is not there", () => {
  for (
    const path of [
      "README.md",
      ...filesBelow("lessons").filter((path) => path.endsWith(".md")),
    ]
  ) {
    const readme = Deno.readTextFileSync(ROOT + path);
    for (const [, target] of readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      Deno.statSync(new URL(target, pathToFileURL(ROOT + path)));
    }
  }
});
