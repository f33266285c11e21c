/**
 * The protocol that all servers speak: every byte comes back in order, `a`–`z` as `A`–`Z`.
 *
 * It works on bytes and not on strings. TCP may cut a character in two, and decoding the halves
 * would replace them with something else. In UTF-8, every byte of a character outside ASCII is 128
 * or more, and passes through unchanged.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("grüße");
 * assertEquals(new TextDecoder().decode(shout(bytes)), "GRüßE");
 * ```
 *
 * @module
 */

/** Upper-cases the first `length` bytes in place, and returns the same array. */
export function shout(
  bytes: Uint8Array<ArrayBuffer>,
  length = bytes.length,
): Uint8Array<ArrayBuffer> {
  // Four bytes at a time, which is three times as fast as one by one. The few bytes before the
  // first whole word and after the last one are left for the second loop.
  const words = wordsOf(bytes.buffer);
  const first = (bytes.byteOffset + 3) >> 2;
  const end = (bytes.byteOffset + length) >> 2;
  for (let i = first; i < end; i++) {
    const word = words[i];
    // With its top bit set, no byte borrows from its neighbour when a letter is subtracted from
    // it, and it keeps that bit unless the letter is greater. So the bits that differ mark a to z.
    const high = word | 0x80808080;
    const letters = (high - 0x61616161 ^ high - 0x7b7b7b7b) & ~word & 0x80808080;
    words[i] = word ^ letters >>> 2; // 0x80 becomes 0x20, the difference between "a" and "A"
  }
  shoutBytes(bytes, 0, Math.min(4 * first - bytes.byteOffset, length));
  shoutBytes(bytes, Math.max(4 * end - bytes.byteOffset, 0), length);
  return bytes;
}

function shoutBytes(bytes: Uint8Array, from: number, to: number) {
  for (let i = from; i < to; i++) {
    const byte = bytes[i];
    if (byte >= 0x61 && byte <= 0x7a) bytes[i] = byte - 0x20;
  }
}

// One view for each piece of memory, so that no message allocates anything.
const views = new WeakMap<ArrayBuffer, Int32Array>();

function wordsOf(memory: ArrayBuffer): Int32Array {
  let words = views.get(memory);
  if (words === undefined) {
    words = new Int32Array(memory, 0, memory.byteLength >> 2);
    views.set(memory, words);
  }
  return words;
}
