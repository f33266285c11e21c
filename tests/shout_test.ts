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

Deno.test("shout works in place, and on the first bytes only if it is told so", () => {
  const bytes = new TextEncoder().encode("hello");
  assertStrictEquals(shout(bytes, 2), bytes);
  assertEquals(new TextDecoder().decode(bytes), "HEllo");
  shout(bytes, 0);
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
