/**
 * Sockets for the tests of `shared/linux`: non-blocking or connected already, since a call that
 * waits would stop the test runner itself.
 *
 * @module
 */

import { connectPairs } from "../lessons/17-claims/pairs.ts";
import { close } from "../shared/linux/descriptors.ts";

/** Any free port. */
export const ANYWHERE = { host: "127.0.0.1", port: 0 };

/** Two blocking sockets that are connected with each other. */
export class Pair implements Disposable {
  /** The side that connected. */
  readonly client: number;
  /** The side that was accepted. */
  readonly server: number;
  readonly #open = new Set<number>();

  /** Connects them; `flags` as SOCK_NONBLOCK are those of the accepted side. */
  constructor(flags = 0) {
    const [{ client, server }] = connectPairs(1, flags);
    this.client = client;
    this.server = server;
    this.#open.add(client).add(server);
  }

  /** Closes one of them now. */
  close(fd: number): void {
    if (this.#open.delete(fd)) close(fd);
  }

  /** Closes those that are still open. */
  [Symbol.dispose](): void {
    for (const fd of this.#open) close(fd);
  }
}

/** The descriptors that this process has open. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
