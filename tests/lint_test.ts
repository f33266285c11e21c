/** The project's own rule for `deno lint`: generators that are called are delegated to. */

import { assertEquals } from "@std/assert";
import plugin from "../shared/tools/lint/plugin.ts";
import { ROOT } from "./processes.ts";

/** What the rule finds in a text, as if it were a script of lesson 13. */
function found(text: string): string[] {
  const name = `${ROOT}lessons/13-event-loop/exercise.ts`;
  const source = `import { recv, sendAll as send } from "./sockets.ts";
import { close } from "../../shared/linux/descriptors.ts";
${text}`;
  return Deno.lint.runPlugin(plugin, name, source)
    .map(({ range: [from, to], hint }) => `${source.slice(from, to)}: ${hint}`);
}

const WRITE = "write yield* before the call";

const wrong: [text: string, finds: string[]][] = [
  ["function* f() { send(1, b, 2); }", [`send(1, b, 2): ${WRITE}`]],
  ["function* g() {}\nfunction* f() { g(); }", [`g(): ${WRITE}`]],
  ["f();\nfunction* f() {}", [`f(): ${WRITE}`]],
  ["function* f() { yield recv(1, b); }", ["recv(1, b): write yield* in place of yield"]],
  ["function* f() { const n = recv(1, b); if (n === 0) return; }", [`recv(1, b): ${WRITE}`]],
  ["function* f() { if (recv(1, b) === 0) return; }", [`recv(1, b): ${WRITE}`]],
  ["function* f() { const n = recv(1, b); return n.length; }", [`recv(1, b): ${WRITE}`]],
];
for (const [text, finds] of wrong) {
  Deno.test(`deno lint finds the call without yield* in ${JSON.stringify(text)}`, () => {
    assertEquals(found(text), finds);
  });
}

const correct = [
  "function* f() { yield* send(1, b, 2); const n = yield* recv(1, b); if (n === 0) close(1); }",
  "function* f() {}\nrun(f()); createTask(f(), 'f'); const one = f(); one.next(); one.return();",
  "function* f() {}\nfunction g() { return f(); }",
  "function* f() { const n = recv(1, b); return yield* n; }",
  "close(1);", // no generator function, from a module that is imported as well
];
for (const text of correct) {
  Deno.test(`deno lint finds nothing in ${JSON.stringify(text)}`, () => {
    assertEquals(found(text), []);
  });
}
