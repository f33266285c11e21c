/**
 * Connections with both ends in this program, so that an experiment needs no other.
 *
 * @module
 */

import { close } from "../../shared/linux/descriptors.ts";
import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  IPPROTO_TCP,
  listenTcp,
  setsockopt,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socket,
  TCP_NODELAY,
} from "../../shared/linux/socket.ts";

/** The two ends of a TCP connection. */
export interface Pair {
  /** The end that connected; it is blocking. */
  client: number;
  /** The end that was accepted. */
  server: number;
}

/** Makes connections. Flags such as SOCK_NONBLOCK apply to the accepted ends. */
export function connectPairs(count: number, flags = 0): Pair[] {
  const listener = listenTcp({ host: "127.0.0.1", port: 0 });
  const address = getsockname(listener);
  const pairs = Array.from({ length: count }, () => {
    const client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, 1);
    connect(client, address); // does not wait: the kernel completes the handshake before we accept
    return { client, server: accept4(listener, flags) };
  });
  close(listener);
  return pairs;
}
