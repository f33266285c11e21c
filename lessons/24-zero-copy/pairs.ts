/**
 * What the proxies of lesson 24 have in common: clients, each with a connection to the server
 * behind the proxy, and the end of both. How the bytes get from one to the other is up to them.
 *
 * @module
 */

import { isIPv4 } from "../../shared/linux/address.ts";
import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLLERR,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
} from "../../shared/linux/epoll.ts";
import { EINPROGRESS, isSystemError, systemError } from "../../shared/linux/errno.ts";
import {
  accept4,
  type Address,
  AF_INET,
  getsockopt,
  IPPROTO_TCP,
  setsockopt,
  SHUT_WR,
  SO_ERROR,
  SO_LINGER,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  TCP_NODELAY,
  TCP_SYNCNT,
  tryConnect,
  tryShutdown,
} from "../../shared/linux/socket.ts";
import type { Option } from "../../shared/options.ts";

/** The server behind the proxy, which is its upstream. */
export const UPSTREAM: Option<Address> = {
  type: "string",
  initial: { host: "127.0.0.1", port: 8081 },
  help: "the server behind the proxy (127.0.0.1:8081)",
  placeholder: "HOST:PORT",
  takes: "a numeric IPv4 address and a port, such as 127.0.0.1:8081",
  parse(text) {
    const [host, port, ...more] = text.split(":");
    const valid = isIPv4(host) && /^[1-9]\d{0,4}$/.test(port) && Number(port) < 65536;
    return valid && more.length === 0 ? { host, port: Number(port) } : undefined;
  },
};

/** One direction: what `from` sends is meant for `to`. */
export interface Way<Store> {
  /** The socket that the bytes come from. */
  readonly from: number;
  /** The socket that they go to. */
  readonly to: number;
  /** Where they are in between. */
  readonly store: Store;
  /** How many of them are there. */
  kept: number;
  /** The input has ended: no more will come. */
  ended: boolean;
  /** All of it has gone, and `to` has been notified of the end. */
  done: boolean;
}

/** What a way waits for: that a socket is ready, or its next turn; or one of them is broken. */
export type Wait = "ready" | "turn" | "broken";

/** A client and its connection to the upstream. */
interface Pair<Store> {
  readonly client: number;
  readonly upstream: number;
  readonly ways: readonly Way<Store>[];
  /** The error with which connect has failed at once, or 0; undefined when it has ended. */
  connecting?: number;
  /** Closes all of it. */
  readonly own: DisposableStack;
}

/** Edge-triggered, both ways at once: no call is needed to wait for something else. */
const EDGES = (EPOLLIN | EPOLLOUT | EPOLLET) >>> 0;

/** The clients of a proxy. */
export class Pairs<Store> {
  /** How many clients have come and gone. */
  served = 0;
  readonly #pairs = new Map<number, Pair<Store>>(); // by each of their two sockets

  /**
   * There is none yet.
   *
   * @param epoll Where their sockets are watched.
   * @param address The upstream.
   * @param makeStore Makes what one direction needs, and hands over to `own` what it has to close.
   */
  constructor(
    readonly epoll: number,
    readonly address: Address,
    readonly makeStore: (own: DisposableStack) => Store,
  ) {}

  /**
   * Takes the next client out of the queue and begins to connect it with the upstream. All that it
   * needs is made first: where descriptors are short, the client stays in the queue.
   *
   * @returns 0, or `-EAGAIN`, `-EMFILE`, …
   */
  accept(listener: number): number {
    using own = new DisposableStack(); // what it still has at the end is closed
    try {
      const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
      const upstream = own.adopt(socket(AF_INET, type), close);
      const [there, back] = [this.makeStore(own), this.makeStore(own)];
      const client = own.adopt(accept4(listener, SOCK_NONBLOCK), close);
      setsockopt(upstream, IPPROTO_TCP, TCP_NODELAY, 1);
      setsockopt(upstream, IPPROTO_TCP, TCP_SYNCNT, 2); // a host that is silent: 7 s, not 2 minutes
      const result = tryConnect(upstream, this.address); // goes on in the background
      const start = { kept: 0, ended: false, done: false };
      const ways = [
        { from: client, to: upstream, store: there, ...start },
        { from: upstream, to: client, store: back, ...start },
      ];
      const connecting = result === -EINPROGRESS ? 0 : -result;
      const pair = { client, upstream, ways, connecting, own: own.move() };
      for (const fd of [client, upstream]) {
        this.#pairs.set(fd, pair);
        epoll_ctl(this.epoll, EPOLL_CTL_ADD, fd, EDGES);
      }
      return 0;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return -error.errno;
    }
  }

  /**
   * Does what an event of a socket allows.
   *
   * @param pump Moves the bytes of one direction, and returns what they wait for next.
   */
  advance(fd: number, events: number, pump: (way: Way<Store>) => Wait): void {
    const pair = this.#pairs.get(fd);
    if (pair === undefined) return; // the event before, of its other socket, was its end
    const connects = pair.connecting !== undefined;
    if (connects) {
      if (fd === pair.client) return; // its bytes wait in the kernel until the upstream answers
      const error = pair.connecting || getsockopt(fd, SOL_SOCKET, SO_ERROR);
      if (error !== 0) {
        const { host, port } = this.address;
        console.error(systemError("connect", error, `${host}:${port}`).message);
        return this.#drop(pair, true);
      }
      pair.connecting = undefined;
    }
    if (events & EPOLLERR) return this.#drop(pair, true);
    for (const way of pair.ways) {
      // What fd sends, and what it may have room for now; and all that came before the connection.
      if (way.done || !(way.from === fd || way.kept > 0 || connects)) continue;
      const wait = pump(way);
      if (wait === "broken") return this.#drop(pair, true);
      if (wait === "turn") epoll_ctl(this.epoll, EPOLL_CTL_MOD, way.from, EDGES); // report it again
      if (way.ended && way.kept === 0) {
        tryShutdown(way.to, SHUT_WR); // the end is handed on, and the other direction stays open
        way.done = true;
      }
    }
    if (pair.ways.every(({ done }) => done)) this.#drop(pair);
  }

  /**
   * Closes both sockets. If one of them is `broken`, the other is reset: an orderly end would let
   * that side believe that it has received everything.
   */
  #drop({ client, upstream, own }: Pair<Store>, broken = false) {
    for (const fd of [client, upstream]) {
      this.#pairs.delete(fd);
      if (broken) setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);
    }
    own.dispose();
    this.served++;
  }

  /** Closes all of them. */
  close(): void {
    for (const { own } of this.#pairs.values()) own.dispose();
  }
}
