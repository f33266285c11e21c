/**
 * Lesson 21 · Computing off the loop: what a message with work is, and the work itself.
 *
 * @module
 */

import { pbkdf2Sync } from "node:crypto";

const PREFIX = new TextEncoder().encode("work ");
/** How often the hash is applied: a fixed amount of work, which takes about 0.2 s on one core. */
const ITERATIONS = 270_000;

/** Whether the first `length` bytes of a buffer begin with `work `. */
export function isWork(buffer: Uint8Array, length: number): boolean {
  return length >= PREFIX.length && PREFIX.every((byte, i) => buffer[i] === byte);
}

/**
 * Derives a key from a message, as a server does with a password: it is meant to take long. The key
 * itself is of no use here, since the reply to a message is its own bytes.
 */
export function compute(message: Uint8Array): void {
  pbkdf2Sync(message, "salt", ITERATIONS, 32, "sha256");
}
