/** Which modules may import which: the rooms of the project, as the design draws them. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { catalogue } from "../shared/tools/lesson/catalogue.ts";
import { ROOT } from "./processes.ts";
import { scriptsBelow } from "./tree.ts";

/** All modules, with what each of them imports, types included: other modules, or packages. */
const imports = new Map(
  ["lessons", "shared", "tests"].flatMap(scriptsBelow).map((path) => [path, importsOf(path)]),
);

/** The modules that a file imports or passes on, each as often as it does so. */
function importsOf(path: string): string[] {
  const source = Deno.readTextFileSync(ROOT + path);
  const statement = /^(?:import|export)\s+(?:[\w*{][\w\s,*{}$]*?\s+from\s+)?"([^"]+)";$/gm;
  return [...source.matchAll(statement)].map(([, specifier]) =>
    specifier.startsWith(".")
      ? decodeURI(new URL(specifier, `file:///${path}`).pathname.slice(1))
      : specifier
  );
}

/** The imports of files from files, as pairs. */
function pairs(from: RegExp, to: RegExp): [from: string, to: string][] {
  return [...imports].filter(([path]) => from.test(path)).flatMap(([path, all]) =>
    all.filter((other) => to.test(other)).map((other) => [path, other] as [string, string])
  );
}

/**
 * Lessons 16 and 17 measure, compare and examine the servers of the others: they start them, read
 * their /proc and count their calls, so they use what the tools offer.
 */
const MEASURES = /^lessons\/1[67]-/;

/** What the tools offer to each other, and to the lessons that measure; all else is their own. */
const OFFERED = [
  // Processes, their signals and files, and the terminal: all of it is there for all tools.
  ...scriptsBelow("shared/tools/process"),
  "shared/tools/check/check.ts", // how a server is put into a scenario,
  "shared/tools/check/scenarios.ts", // which scenarios there are,
  "shared/tools/check/server.ts", // what a server under test is,
  "shared/tools/check/sources.ts", // how it is copied with something else in it,
  "shared/tools/check/subjects.ts", // and which the lessons have
  "shared/tools/lesson/behind.ts", // what stands behind a proxy
  "shared/tools/lesson/catalogue.ts", // which lessons and servers there are
  "shared/tools/lesson/costs.ts", // what the recorder has counted
  "shared/tools/lesson/stall.ts", // what a server waits for
  "shared/tools/lesson/lanes.ts", // what each thread and client did when
  "shared/tools/lesson/progress.ts", // a line that shows how far something is
  "shared/tools/lesson/visit.ts", // one run of a server and its client
  "shared/tools/trace/settings.ts", // how a script is put under the recorder
  "shared/tools/trace/events.ts", // what a trace consists of
  "shared/tools/trace/read.ts", // and how it is read
];

Deno.test("every import is found: all files that are imported exist", () => {
  const files = pairs(/./, /^(lessons|shared|tests)\//).map(([, path]) => path);
  assertGreater(files.length, 500);
  for (const path of files) assert(imports.has(path), path);
});

Deno.test("no script of a lesson imports a tool, except those that measure", () => {
  const scripts = pairs(/^lessons\//, /^shared\/tools\//).filter(([path]) => !MEASURES.test(path));
  assertEquals(scripts, []);
  const [paths, measuring] = [pairs(MEASURES, /^shared\/tools\//), new Set(OFFERED)];
  assertEquals(paths.filter(([, path]) => !measuring.has(path)), []);
  assertGreater(paths.length, 0);
});

/** What is asked of a lesson's module is about that module, and uses others of its lesson. */
const CASES = /^shared\/tools\/exercise\/cases\/(\d\d)_\w+\.ts$/;

Deno.test("shared/ imports nothing of lessons and tools, shared/linux nothing but itself", () => {
  const foreign = pairs(/^shared\//, /^lessons\/|^tests\//)
    .filter(([path, other]) => !other.startsWith(`lessons/${CASES.exec(path)?.[1]}-`));
  assertEquals(foreign, []);
  assertEquals(pairs(/^shared\/(?!tools\/)/, /^shared\/tools\//), []);
  assertEquals(pairs(/^shared\/linux\//, /^(?!shared\/linux\/|node:)/), []);
});

Deno.test("tools import each other's public modules only, and each of these is imported", () => {
  const foreign = pairs(/^shared\/tools\//, /^shared\/tools\//)
    .filter(([path, other]) => path.split("/")[2] !== other.split("/")[2]);
  assertEquals(foreign.filter(([, other]) => !OFFERED.includes(other)), []);
  const used = new Set(
    [...foreign, ...pairs(MEASURES, /^shared\/tools\//)].map(([, path]) => path),
  );
  assertEquals(OFFERED.filter((path) => !used.has(path)), []);
});

Deno.test("a lesson imports what is in its folder, in shared/, and in lessons before it", () => {
  const numberOf = (path: string) => Number(/^lessons\/(\d\d)-/.exec(path)![1]);
  for (const [path, other] of pairs(/^lessons\//, /^lessons\//)) {
    assert(numberOf(other) <= numberOf(path), `${path} imports ${other}`);
  }
  assertEquals(pairs(/^lessons\//, /^tests\//), []);
});

Deno.test("no module imports itself in a circle, types included", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  function follow(path: string, way: string[]) {
    if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(" → "));
    if (done.has(path)) return;
    done.add(path);
    for (const other of imports.get(path) ?? []) follow(other, [...way, path]);
  }
  for (const path of imports.keys()) follow(path, []);
  assertEquals(circles, []);
});

Deno.test("every file imports a module once", () => {
  const twice = [...imports].flatMap(([path, all]) =>
    all.filter((other, i) => all.indexOf(other) !== i).map((other) => `${path}: ${other}`)
  );
  assertEquals(twice, []);
});

/** `deno task lesson:16 --svg` draws charts. Only its main.ts imports this, and only when asked. */
const OPTIONAL: Record<string, string[]> = {
  "lessons/16-comparison/charts.ts": ["npm:vega@6.4.0", "npm:vega-lite@6.5.0"],
};

Deno.test("lessons and shared need nothing but Deno, except to draw charts", () => {
  const packages = pairs(/^(lessons|shared)\//, /^(?!lessons\/|shared\/|node:)/);
  assertEquals(packages.filter(([path, name]) => !OPTIONAL[path]?.includes(name)), []);
  assertEquals(pairs(/./, /^lessons\/16-comparison\/charts\.ts$/), []);
});

Deno.test("what runs lessons on any system does not load libc", () => {
  const seen = new Set<string>();
  function follow(path: string) {
    if (seen.has(path) || !path.includes("/")) return;
    seen.add(path);
    const source = Deno.readTextFileSync(ROOT + path);
    const types = new Set(
      [...source.matchAll(/^import type [^;]* from "([^"]+)";$/gm)].map(([, specifier]) =>
        new URL(specifier, `file:///${path}`).pathname.slice(1)
      ),
    );
    for (const other of imports.get(path)!) {
      if (imports.has(other) && !types.has(other)) follow(other);
    }
  }
  follow("shared/tools/lesson/main.ts");
  for (const { folder, main, client } of catalogue) {
    if (main?.measures) continue; // it makes system calls for its measurements
    for (const [name, script] of [["main", main], ["client", client]] as const) {
      if (script === undefined || script.permissions.includes("--allow-ffi")) continue;
      follow(`lessons/${folder}/${name}.ts`);
    }
  }
  assert(seen.has("shared/tools/lesson/costs.ts") && seen.has("shared/client.ts"));
  assertEquals(seen.has("shared/linux/libc.ts"), false);
});
