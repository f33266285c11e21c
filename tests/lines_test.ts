/** `shared/lines.ts`: lines out of pieces. */

import { assertEquals, assertGreater } from "@std/assert";
import { LineBuffer } from "../shared/lines.ts";
import { bytesOf, pseudoRandom } from "../shared/tools/check/clients.ts";

/** What a buffer makes of pieces; `null` stands for a line that is too long. */
function linesFrom(most: number, ...pieces: (string | Uint8Array<ArrayBuffer>)[]) {
  const lines = new LineBuffer(most);
  return pieces.flatMap((piece) => {
    const bytes = typeof piece === "string" ? bytesOf(piece) : piece;
    const found = [...lines.add(bytes)].map((line) => line ?? null);
    bytes.fill(0); // the caller uses its buffer again
    return found;
  });
}

Deno.test("LineBuffer yields the same lines wherever a text is cut", () => {
  const wanted = ["", "one", "grüße, 你好, 🙂", "x".repeat(50), "two words", "", "\ufffd"];
  const text = bytesOf(wanted.map((line, i) => line + ["\n", "\r\n"][i % 2]).join(""));
  const random = pseudoRandom(23);
  let several = 0;
  for (let round = 0; round < 300; round++) {
    const most = 1 + round % 30;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let start = 0; start < text.length;) {
      const end = start + 1 + random.next().value % most;
      pieces.push(text.slice(start, end));
      start = end;
    }
    if (pieces.length > wanted.length) several++;
    assertEquals(linesFrom(50, ...pieces), wanted);
  }
  assertGreater(several, 100);
});

Deno.test("LineBuffer decodes what is no UTF-8 as U+FFFD, and keeps a CR within a line", () => {
  assertEquals(linesFrom(9, Uint8Array.of(0xff, 10), "a\rb\n\r\n"), ["\ufffd", "a\rb", ""]);
});

for (const end of ["\n", "\r\n"]) {
  Deno.test(`LineBuffer counts the bytes before ${JSON.stringify(end)}`, () => {
    assertEquals(linesFrom(4, `abcd${end}abcde${end}füür${end}ok${end}`), [
      ...["abcd", null],
      ...[null, "ok"], // 6 bytes
    ]);
    assertEquals(linesFrom(4, "ab", "cd", end, "abc", "de", end, "ok", end), ["abcd", null, "ok"]);
  });
}

Deno.test("LineBuffer reports a line that is too long at once, once, and skips the rest", () => {
  const lines = new LineBuffer(4);
  assertEquals([...lines.add(bytesOf("abcde"))], []); // the last one might be a CR
  assertEquals([...lines.add(bytesOf("f"))], [undefined]);
  for (let i = 0; i < 100; i++) assertEquals([...lines.add(bytesOf("ghijklmn"))], []);
  assertEquals([...lines.add(bytesOf("opq\nrst\n"))], ["rst"]);
});
