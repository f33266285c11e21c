/**
 * One client's bytes on a non-blocking socket: what the kernel does not take at once is kept here.
 *
 * @module
 */

import { close } from "./linux/descriptors.ts";
import { EAGAIN } from "./linux/errno.ts";
import { trySend } from "./linux/socket.ts";

/**
 * A client whose socket is non-blocking, and the bytes that it has yet to be sent.
 *
 * A server must not read more from a client that does not read: while {@linkcode Connection.unsent}
 * is not 0, it waits until it can write. So no more is ever kept than what was received at once,
 * and when the input ends there is nothing left to send.
 */
export class Connection {
  /** The socket. */
  readonly fd: number;
  #kept: Uint8Array<ArrayBuffer> | undefined;

  /** Takes over a non-blocking socket. */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** How many bytes are kept. */
  get unsent(): number {
    return this.#kept === undefined ? 0 : this.#kept.length;
  }

  /**
   * Sends the first `length` bytes of a buffer that will be used again: what the socket does not
   * take is copied. Must not be called while there are unsent bytes, which would be overtaken.
   *
   * @returns How many bytes are now kept, or a negative error number if the connection is broken.
   */
  send(buffer: Uint8Array<ArrayBuffer>, length: number): number {
    const sent = trySend(this.fd, buffer, length);
    // The common case comes first, and allocates nothing.
    if (sent === length) return 0;
    if (sent < 0 && sent !== -EAGAIN) return sent;
    this.#kept = buffer.slice(Math.max(sent, 0), length);
    return this.#kept.length;
  }

  /**
   * Sends what is kept, or as much of it as the socket takes.
   *
   * @returns How many bytes are still kept, or a negative error number if the connection is broken.
   */
  flush(): number {
    const kept = this.#kept;
    if (kept === undefined) return 0;
    const sent = trySend(this.fd, kept);
    if (sent === kept.length) {
      this.#kept = undefined;
      return 0;
    }
    if (sent === -EAGAIN) return kept.length;
    if (sent < 0) return sent;
    this.#kept = kept.subarray(sent);
    return this.#kept.length;
  }

  /** Closes the socket; what is unsent is lost. */
  close(): void {
    close(this.fd);
  }
}
