/**
 * Sends what waits for a client, over a non-blocking socket.
 *
 * @module
 */

import { EAGAIN } from "../../shared/linux/errno.ts";
import { trySend } from "../../shared/linux/socket.ts";
import type { Member } from "./chat.ts";

/** How much goes into one send, in bytes. */
export const MOST_AT_ONCE: number = 64 * 1024;
const buffer = new Uint8Array(MOST_AT_ONCE);

/**
 * Sends until nothing is left, or the socket is full: one send for up to {@linkcode MOST_AT_ONCE}
 * bytes, however many lines these are. Returns false if the connection is broken.
 */
export function flush({ socket, outbox }: Member<number>): boolean {
  while (outbox.length > 0) {
    const sent = trySend(socket, buffer, outbox.fill(buffer));
    if (sent < 0) return sent === -EAGAIN;
    outbox.remove(sent);
  }
  return true;
}
