/**
 * The protocol that all servers speak: every byte comes back in order, `a`–`z` as `A`–`Z`.
 *
 * It works on bytes and not on strings. TCP may cut a character in two, and a string would then
 * have something else in its place; in UTF-8, every byte of a character outside ASCII is 128 or
 * more, and passes through unchanged.
 *
 * @module
 */

/**
 * Upper-cases the first `length` bytes in their place, and returns the same array.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("grüße");
 * assertEquals(new TextDecoder().decode(shout(bytes)), "GRüßE");
 * ```
 */
export function shout(
  bytes: Uint8Array<ArrayBuffer>,
  length = bytes.length,
): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < length; i++) {
    const byte = bytes[i];
    if (byte >= 97 && byte <= 122) bytes[i] = byte - 32;
  }
  return bytes;
}
