/**
 * What the framing of lines in lesson 23 has to do.
 *
 * @module
 */

import assert from "node:assert/strict";

/** What the cases use of the module. */
interface Module {
  LineBuffer: new (most: number) => {
    add(piece: Uint8Array<ArrayBuffer>): Iterable<string | undefined>;
  };
}

const encoder = new TextEncoder();

/** Adds pieces, all of them in the same buffer, and expects these lines of each. */
function expectLines(
  { LineBuffer }: Module,
  ...expected: [piece: string | number[], lines: (string | undefined)[]][]
) {
  const [buffer, lines] = [new Uint8Array(100), new LineBuffer(10)];
  for (const [piece, wanted] of expected) {
    const bytes = typeof piece === "string" ? encoder.encode(piece) : Uint8Array.from(piece);
    buffer.set(bytes);
    const yielded = [...lines.add(buffer.subarray(0, bytes.length))];
    buffer.fill(0x21, 0, bytes.length); // a piece is the caller's, and used again
    const [saw, should] = [yielded, wanted].map((lines) => lines.map(shown).join(" and "));
    const message = `for ${shown(piece)}, it yielded ${saw || "nothing"}, not ${
      should || "nothing"
    }`;
    assert.deepEqual(yielded, wanted, message);
  }
}

function shown(text: string | number[] | undefined): string {
  return JSON.stringify(text) ?? "undefined";
}

/** The cases, by what a correct buffer does. */
export const cases = {
  "puts a line together that comes in pieces"(module: Module) {
    expectLines(module, ["on", []], ["", []], ["e", []], ["\ntw", ["one"]], ["o\n", ["two"]]);
  },
  "takes several lines out of one piece, empty ones as well"(module: Module) {
    expectLines(module, ["one\ntwo\n\nthree\n", ["one", "two", "", "three"]]);
  },
  "takes CR LF for one end, wherever it is cut"(module: Module) {
    expectLines(module, ["one\r\ntwo\r", ["one"]], ["\n", ["two"]], ["a\rb\n", ["a\rb"]]);
  },
  "decodes a character whose bytes come in two pieces"(module: Module) {
    expectLines(module, [[0x47, 0xc3], []], [[0xbc, 0x0a], ["G\u00fc"]]);
  },
  "yields undefined once for a line that is too long, and goes on behind it"(module: Module) {
    expectLines(
      module,
      ["0123456789\n0123456789\r\n", ["0123456789", "0123456789"]],
      ["0123456789a\nb\n", [undefined, "b"]],
      ["0123456", []],
      ["789abc", [undefined]],
      ["more", []],
      ["of it\nshort\n", ["short"]],
      ["0123456789\r", []],
      ["\n", ["0123456789"]],
    );
  },
};
