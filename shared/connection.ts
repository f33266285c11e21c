/**
 * One client of a server that never waits: what its socket does not take at once is kept here, and
 * what it waits for next is known.
 *
 * @module
 */

import { close } from "./linux/descriptors.ts";
import { EAGAIN } from "./linux/errno.ts";
import { trySend } from "./linux/socket.ts";

/** Nothing any more: the client has gone. */
export const GONE = 0;
/** Something to read. The number is that of POLLIN and EPOLLIN. */
export const READ = 1;
/** Room to write. The number is that of POLLOUT and EPOLLOUT. */
export const WRITE = 4;

/** What a client waits for next. */
export type Want = typeof GONE | typeof READ | typeof WRITE;

/** What is kept when nothing is. */
const NOTHING = new Uint8Array();

/**
 * A client whose socket is non-blocking, and the bytes that have yet to be sent to it.
 *
 * While a client does not read its replies, a server must not read more from it. So no more is ever
 * kept than what was received at once, and when the input ends, there is nothing left to send.
 */
export class Connection {
  #unsent = NOTHING;

  /** Takes over a non-blocking socket. */
  constructor(readonly fd: number) {}

  /** How many bytes are kept. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /** What it waits for: room to write while bytes are kept, else something to read. */
  get want(): Want {
    return this.unsent > 0 ? WRITE : READ;
  }

  /**
   * Sends the first `length` bytes of a buffer that will be used again: what the socket does not
   * take is copied. Must not be called while bytes are kept, which would be overtaken. Returns what
   * the client waits for next.
   */
  send(buffer: Uint8Array<ArrayBuffer>, length: number): Want {
    const sent = trySend(this.fd, buffer, length);
    if (sent === length) return READ; // the common case allocates nothing
    if (sent < 0 && sent !== -EAGAIN) return GONE; // a reset or a broken pipe
    this.#unsent = buffer.slice(Math.max(sent, 0), length);
    return WRITE;
  }

  /** Sends what is kept, or as much as the socket takes; returns what the client waits for next. */
  flush(): Want {
    if (this.unsent === 0) return READ;
    const sent = trySend(this.fd, this.#unsent);
    if (sent < 0) return sent === -EAGAIN ? WRITE : GONE;
    this.#unsent = sent === this.unsent ? NOTHING : this.#unsent.subarray(sent);
    return this.want;
  }

  /** Closes the socket; what is unsent is lost. */
  close(): void {
    close(this.fd);
  }
}
