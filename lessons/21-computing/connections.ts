/**
 * Lesson 21 · Computing off the loop: the clients, as lesson 06 accepts, watches and drops them.
 *
 * @module
 */

import { Connection, GONE, READ, type Want } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { epoll_ctl, EPOLL_CTL_ADD, EPOLL_CTL_MOD } from "../../shared/linux/epoll.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { isOutOfResources, SOCK_NONBLOCK, tryAccept4 } from "../../shared/linux/socket.ts";

/** The clients of a listener, which an epoll instance watches together with it. */
export class Connections {
  /** How many clients have come and gone. */
  gone = 0;
  /** How long epoll_wait may wait, in milliseconds; undefined is no limit. */
  pause: number | undefined;
  /** Those that are open, by descriptor. */
  readonly open = new Map<number, Connection>();
  readonly #watched = new Map<number, Want | undefined>(); // what each of them is watched for

  /** Watches a non-blocking listener. */
  constructor(readonly epoll: number, readonly listener: number) {
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, READ);
  }

  /** Accepts a client, and pauses while descriptors are short. */
  accept(): void {
    const fd = tryAccept4(this.listener, SOCK_NONBLOCK);
    if (fd >= 0) {
      this.open.set(fd, new Connection(fd));
      this.#watched.set(fd, READ);
      epoll_ctl(this.epoll, EPOLL_CTL_ADD, fd, READ);
    } else if (isOutOfResources(fd)) this.#watchListener(false);
    else if (fd !== -EAGAIN && fd !== -ECONNABORTED) {
      throw systemError("accept4", -fd, this.listener);
    }
  }

  /** Ends the pause, if there is one. To be called after each epoll_wait. */
  resume(): void {
    if (this.pause !== undefined) this.#watchListener(true);
  }

  // While descriptors are short, the listener stays ready, and watching it would spin. So the next
  // wait leaves it out, and lasts 100 ms at most.
  #watchListener(watch: boolean): void {
    epoll_ctl(this.epoll, EPOLL_CTL_MOD, this.listener, watch ? READ : 0);
    this.pause = watch ? undefined : 100;
  }

  /** Watches a client for what it waits for next, if for anything; drops it if it has gone. */
  watch(connection: Connection, want: Want | undefined): void {
    if (want === GONE) return this.#drop(connection);
    if (want === this.#watched.get(connection.fd)) return; // only a change costs a system call
    // If it waits for nothing, a broken connection is still reported: it always is.
    epoll_ctl(this.epoll, EPOLL_CTL_MOD, connection.fd, want);
    this.#watched.set(connection.fd, want);
  }

  #drop(connection: Connection): void {
    this.open.delete(connection.fd);
    this.#watched.delete(connection.fd);
    connection.close(); // also removes it from the kernel's list
    this.gone++;
  }

  /** Closes the listener and all clients. */
  close(): void {
    for (const connection of this.open.values()) connection.close();
    close(this.listener);
  }
}
