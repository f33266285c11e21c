/**
 * What the program of lesson 11 has to print.
 *
 * @module
 */

import assert from "node:assert/strict";

/** The lines of one part, which are indented behind its heading. */
function partOf(lines: string[], heading: string): string[] {
  const begin = lines.indexOf(heading) + 1;
  assert(begin > 0, `it does not print: ${heading}`);
  const end = lines.findIndex((line, i) => i >= begin && !line.startsWith("  "));
  return lines.slice(begin, end === -1 ? lines.length : end).map((line) => line.trim());
}

/** The cases, by what a correct program does. */
export const cases = {
  "cleans up in the inner generator before the outer one catches the error"(lines: string[]) {
    const part = partOf(lines, "An error passes through, too, in and out again:");
    const wanted = ["inner:  cleans up", 'outer:  catches "no luck"'];
    assert.deepEqual(part, wanted, `it printed ${JSON.stringify(part)}`);
  },
  "adds up what the caller sends to the first inner generator"(lines: string[]) {
    const part = partOf(lines, "One generator delegates to two others:");
    const result = part.find((line) => line.startsWith("outer:  a returned"));
    assert.equal(result, "outer:  a returned 3", `it was sent 1 and 2: ${result}`);
  },
  "adds up what the caller sends to the second one"(lines: string[]) {
    const part = partOf(lines, "One generator delegates to two others:");
    assert.equal(part.at(-1), "outer:  b returned 7", `it was sent 3 and 4: ${part.at(-1)}`);
  },
  "hands out all values of both, in their order"(lines: string[]) {
    const part = partOf(lines, "One generator delegates to two others:");
    const got = part.flatMap((line) => /got "(.*)"/.exec(line)?.[1] ?? []);
    assert.deepEqual(got, ["a, first", "a, second", "b, first", "b, second"], `got ${got}`);
  },
  "shows what happens without the star, and without yield*"(lines: string[]) {
    const part = partOf(lines, "One level forgets the star, or yield* altogether:");
    const values = part.map((line) => line.replace(/^.*\(\) +/, ""));
    assert.deepEqual(values, ['[ "hello" ]', "[ Object [Generator] {} ]", "[]"], `${values}`);
  },
};
