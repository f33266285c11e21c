/**
 * What the program of lesson 10 has to print.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Fails unless a line is there; `call` is how it begins. */
function expectLine(lines: string[], call: string, value: string): void {
  const line = lines.find((line) => line.startsWith(call));
  const gave = line === undefined ? "is missing" : `gave ${line.slice(call.length).trim()}`;
  assert.equal(line, `${call.padEnd(11)}${value}`, `${call} ${gave}, and not ${value}`);
}

/** The cases, by what a correct program does. */
export const cases = {
  "closes an account that is given up"(lines: string[]) {
    expectLine(lines, "return(…)", '{ value: "given up", done: true }');
    const finals = lines.filter((line) => line === "generator: finally");
    assert.equal(finals.length, 3, `${finals.length} of 3 generators ran their finally block`);
  },
  "counts the first amount that is paid in"(lines: string[]) {
    expectLine(lines, "next(4)", "{ value: 4, done: false }");
  },
  "closes an account that is full"(lines: string[]) {
    expectLine(lines, "next(6)", '{ value: "full", done: true }');
  },
  "closes an account after an error"(lines: string[]) {
    expectLine(lines, "throw(…)", '{ value: "closed: no money", done: true }');
  },
  "switches between the two pieces of code, which count to four"(lines: string[]) {
    const turns = ["generator: 1", "caller:    2", "generator: 3", "caller:    4"];
    assert.deepEqual(lines.slice(0, 4), turns, `they took turns like this: ${lines.slice(0, 4)}`);
  },
};
