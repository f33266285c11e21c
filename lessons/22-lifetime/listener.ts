/**
 * Lesson 22 · A server's life: the listening socket, which may be inherited, is watched while there
 * is room, and is closed before the server ends.
 *
 * @module
 */

import {
  close,
  F_SETFD,
  F_SETFL,
  fcntl,
  FD_CLOEXEC,
  O_NONBLOCK,
} from "../../shared/linux/descriptors.ts";
import {
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import { getenv } from "../../shared/linux/exec.ts";
import {
  type Address,
  isOutOfResources,
  listenTcp,
  SOCK_NONBLOCK,
  tryAccept4,
} from "../../shared/linux/socket.ts";

/** The first descriptor that a service manager hands over: 0 to 2 are stdin, stdout and stderr. */
const SD_LISTEN_FDS_START = 3;

/** A listening socket that an epoll instance watches. */
export class Listener {
  /** The socket. */
  readonly fd: number;
  /** How long the next wait may last, in milliseconds; undefined is no limit. */
  pause: number | undefined;
  readonly #epoll: number;
  #isOpen = true;
  #isWatched = true;

  /** Takes the socket that it inherits, or makes one. */
  constructor(epoll: number, address: Address) {
    this.fd = inheritedListener() ?? listenTcp(address, SOCK_NONBLOCK);
    this.#epoll = epoll;
    epoll_ctl(epoll, EPOLL_CTL_ADD, this.fd, EPOLLIN);
  }

  /** Accepts a client; returns its descriptor, or undefined if there is none, or no room. */
  accept(hasRoom: boolean): number | undefined {
    if (!hasRoom) return this.watch(false);
    const fd = tryAccept4(this.fd, SOCK_NONBLOCK);
    if (fd >= 0) return fd;
    if (isOutOfResources(fd)) {
      // The client stays in the queue, so the listener stays ready, and watching it would spin.
      this.watch(false);
      this.pause = 100;
    } else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, this.fd);
  }

  /** Lets epoll report clients, or leaves them in the queue, where they wait. */
  watch(watch: boolean): undefined {
    this.pause = undefined;
    if (!this.#isOpen || watch === this.#isWatched) return;
    epoll_ctl(this.#epoll, EPOLL_CTL_MOD, this.fd, watch ? EPOLLIN : 0);
    this.#isWatched = watch;
  }

  /** Closes this server's descriptor of the socket; others may have one of their own. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.pause = undefined;
    // Close alone would not do: epoll watches a socket until its last descriptor is closed.
    epoll_ctl(this.#epoll, EPOLL_CTL_DEL, this.fd);
    close(this.fd);
  }
}

/**
 * The listening socket that was handed over to this process, as systemd does it: LISTEN_FDS is how
 * many there are, and LISTEN_PID is the process that they are for. See sd_listen_fds(3).
 */
function inheritedListener(): number | undefined {
  const isForUs = getenv("LISTEN_PID") === String(Deno.pid);
  if (!isForUs || getenv("LISTEN_FDS") !== "1") return undefined;
  fcntl(SD_LISTEN_FDS_START, F_SETFD, FD_CLOEXEC); // for us, not for what we may start
  fcntl(SD_LISTEN_FDS_START, F_SETFL, O_NONBLOCK);
  return SD_LISTEN_FDS_START;
}
