/** Code that a README quotes is in one of its lesson's scripts, to the letter. */

import { assert } from "@std/assert";
import { catalogue } from "../shared/tools/lesson/catalogue.ts";
import { ROOT } from "./processes.ts";

/** A text without the indentation that all of its lines share. */
function dedented(text: string): string {
  const lines = text.split("\n");
  const indents = lines.filter((line) => line !== "").map((line) => line.search(/\S/));
  return lines.map((line) => line.slice(Math.min(...indents))).join("\n").trim();
}

/** Whether a text has these lines in a row, at whatever indentation. */
function quotes(text: string, quoted: string): boolean {
  const lines = text.split("\n");
  const count = quoted.split("\n").length;
  return lines.some((_, i) => dedented(lines.slice(i, i + count).join("\n")) === quoted);
}

for (const { number, folder } of catalogue) {
  const path = `${ROOT}lessons/${folder}/`;
  const blocks = [...Deno.readTextFileSync(`${path}README.md`).matchAll(/^```ts\n([^]*?)\n```$/gm)];
  if (blocks.length === 0) continue;
  Deno.test(`the code that the README of lesson ${number} quotes is in its scripts`, () => {
    const names = [...Deno.readDirSync(path)].map(({ name }) => name);
    const scripts = names.filter((name) => name.endsWith(".ts"))
      .map((name) => Deno.readTextFileSync(path + name));
    for (const [, block] of blocks) {
      assert(scripts.some((script) => quotes(script, dedented(block))), block);
    }
  });
}

Deno.test("the READMEs of lessons 13 and 14 quote the loops that they are about", () => {
  for (const [folder, wanted] of [["13-event-loop", "takeDue"], ["14-greenlets", "#poll"]]) {
    const readme = Deno.readTextFileSync(`${ROOT}lessons/${folder}/README.md`);
    const blocks = [...readme.matchAll(/^```ts\n([^]*?)\n```$/gm)].map(([, block]) => block);
    assert(
      blocks.some((block) => block.includes(wanted) && block.split("\n").length >= 15),
      folder,
    );
  }
});

for (const { number, folder } of catalogue) {
  Deno.test(`the code that "Try next" of lesson ${number} changes exists`, () => {
    const path = `${ROOT}lessons/${folder}/`;
    const readme = Deno.readTextFileSync(`${path}README.md`);
    const section = readme.slice(readme.indexOf("## Try next")).split("\n\nThen check ")[0];
    const folders = [path, `${ROOT}shared/`, `${ROOT}shared/linux/`];
    const all = folders.flatMap((folder) =>
      [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".ts"))
        .map(({ name }) => Deno.readTextFileSync(folder + name))
    ).join("\n");
    // What is to be written is no quote: it follows these words.
    const quoted = section.replaceAll(
      /(?:write|sleep for a millisecond:|limit:|put|`inner` with)\s+`[^`]+`/g,
      "",
    );
    for (const [, code] of quoted.replaceAll("\n", " ").matchAll(/`([^`]+)`/g)) {
      if (/^deno |^--/.test(code)) continue; // a command and its options
      const called = [...code.matchAll(/(\w+)\(/g)].map(([, name]) => name);
      for (const name of /^\w+$/.test(code) ? [code] : called) {
        assert(new RegExp(`\\b${name}\\b`).test(all), `${name} of ${code} is nowhere`);
      }
    }
  });
}
