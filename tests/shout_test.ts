/** `shared/shout.ts`: the protocol. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { shout } from "../shared/shout.ts";

Deno.test("shout turns a to z into A to Z and leaves all other bytes alone", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const letters = new TextEncoder().encode("abcdefghijklmnopqrstuvwxyz");
  const expected = all.slice();
  expected.set(new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), letters[0]);
  assertEquals(shout(all.slice()), expected);
});

Deno.test("shout leaves characters outside ASCII as they are, also where TCP has cut them", () => {
  const bytes = new TextEncoder().encode("grüße, 你好 ÿ");
  // Every place where it could be cut, also in the middle of a character.
  for (let cut = 0; cut <= bytes.length; cut++) {
    const [head, tail] = [shout(bytes.slice(0, cut)), shout(bytes.slice(cut))];
    const whole = Uint8Array.of(...head, ...tail);
    assertEquals(new TextDecoder().decode(whole), "GRüßE, 你好 ÿ", `cut at ${cut}`);
  }
});

Deno.test("shout works in place, and on the first bytes only where it is asked to", () => {
  const bytes = new TextEncoder().encode("hello");
  assertStrictEquals(shout(bytes, 2), bytes);
  assertEquals(new TextDecoder().decode(bytes), "HEllo");
  shout(bytes, 0);
  shout(bytes, -11); // what a failed recv returns
  assertEquals(new TextDecoder().decode(bytes), "HEllo");
  shout(bytes);
  assertEquals(new TextDecoder().decode(bytes), "HELLO");
});

Deno.test("shout stays within a view of a larger buffer", () => {
  const bytes = new TextEncoder().encode("aaaaaa");
  shout(bytes.subarray(2, 4));
  assertEquals(new TextDecoder().decode(bytes), "aaAAaa");
});

Deno.test("what was shouted already stays as it is", () => {
  const bytes = new TextEncoder().encode("HELLO @[`{ 123");
  assertEquals(shout(bytes.slice()), bytes);
});

/** What `shout` has to do, byte by byte. */
function expected(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  return bytes.map((byte, i) => i < length && byte >= 97 && byte <= 122 ? byte - 32 : byte);
}

/** Shouts `length` bytes from `start` on, and compares the whole memory around them. */
function checkAt(memory: Uint8Array<ArrayBuffer>, start: number, length: number) {
  const actual = memory.slice();
  shout(actual.subarray(start), length);
  const rest = memory.subarray(start);
  const wanted = Uint8Array.of(...memory.subarray(0, start), ...expected(rest, length));
  // assertEquals builds a message for each comparison, which takes too long here.
  if (!actual.every((byte, i) => byte === wanted[i])) {
    assertEquals(actual, wanted, `start ${start}, length ${length}`);
  }
}

Deno.test("shout handles every value at every place of a word, whatever its neighbours are", () => {
  for (let value = 0; value < 256; value++) {
    for (const neighbour of [0, 0x60, 0x61, 0x7a, 0x7b, 0x7f, 0x80, 0xe1, 0xff]) {
      for (let place = 0; place < 8; place++) {
        const memory = new Uint8Array(8).fill(neighbour);
        memory[place] = value;
        checkAt(memory, 0, 8);
      }
    }
  }
});

Deno.test("shout handles every start and every length, and nothing around them", () => {
  const letters = new Uint8Array(96).fill(0x71);
  const values = Uint8Array.from({ length: 96 }, (_, i) => 60 + i);
  for (let start = 0; start <= 8; start++) {
    for (let length = 0; length <= 70; length++) {
      checkAt(letters, start, length);
      checkAt(values, start, length);
    }
  }
});

Deno.test("shout handles the last bytes of memory that does not end with a whole word", () => {
  for (let size = 0; size < 12; size++) {
    for (let start = 0; start <= size; start++) {
      checkAt(new Uint8Array(size).fill(0x61), start, size - start);
    }
  }
});

Deno.test("shout handles long messages of random bytes", () => {
  const random = new Uint8Array(256 * 1024);
  for (let at = 0; at < random.length; at += 65536) {
    crypto.getRandomValues(random.subarray(at, at + 65536));
  }
  for (const [start, length] of [[0, 65536], [1, 65535], [2, 100_003], [3, 262_141], [7, 40_009]]) {
    checkLong(random, start, length);
  }
});

function checkLong(memory: Uint8Array<ArrayBuffer>, start: number, length: number) {
  const actual = shout(memory.slice().subarray(start), length);
  const wanted = expected(memory.subarray(start), length);
  const wrong = actual.findIndex((byte, i) => byte !== wanted[i]);
  assertEquals(wrong, -1, `start ${start}, length ${length}: byte ${wrong} differs`);
}

Deno.test("shout sees what is written to the same memory between two messages", () => {
  const bytes = new TextEncoder().encode("hello hello");
  shout(bytes);
  bytes.set(new TextEncoder().encode("other bytes"));
  assertEquals(new TextDecoder().decode(shout(bytes)), "OTHER BYTES");
});
