/**
 * Sockets for the tests of `shared/linux`: non-blocking or connected already, since a call that
 * waits would stop the test runner itself.
 *
 * @module
 */

import { close } from "../shared/linux/descriptors.ts";
import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socket,
} from "../shared/linux/socket.ts";

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
    const listener = listenTcp(ANYWHERE);
    this.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
    // The kernel completes the handshake by itself, so neither call waits.
    connect(this.client, getsockname(listener));
    this.server = accept4(listener, flags);
    close(listener);
    this.#open.add(this.client).add(this.server);
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
