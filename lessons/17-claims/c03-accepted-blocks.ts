/**
 * Lesson 17 · What people say: C3, about the flag O_NONBLOCK.
 *
 * The listening socket is non-blocking: with no client waiting, accept4 returns EAGAIN at once. Are
 * the sockets that it returns non-blocking, too?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c03-accepted-blocks.ts
 * Man:  accept(2), fcntl(2), socket(7) (SO_RCVTIMEO)
 */

import { F_GETFL, fcntl, O_NONBLOCK } from "../../shared/linux/descriptors.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import {
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  setsockopt,
  SO_RCVTIMEO,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryAccept4,
  tryRecv,
} from "../../shared/linux/socket.ts";
import { conclude } from "./verdict.ts";

const listener = listenTcp({ host: "127.0.0.1", port: 0 }, SOCK_NONBLOCK);
const none = tryAccept4(listener);

connect(socket(AF_INET, SOCK_STREAM), getsockname(listener));
const accepted = tryAccept4(listener);
const inherited = (fcntl(accepted, F_GETFL) & O_NONBLOCK) !== 0;

// Without a time limit, the recv below would never return: the client sends nothing.
setsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, 0, 0, 200_000, 0);
const start = performance.now();
tryRecv(accepted, new Uint8Array(1));
const slept = performance.now() - start;

conclude(
  "C3",
  [
    `accept4 with no client waiting: ${none === -EAGAIN ? "EAGAIN" : none}`,
    `the accepted socket has O_NONBLOCK: ${inherited ? "yes" : "no"}`,
    `recv on it, with a time limit of 200 ms: returned after ${slept.toFixed(0)} ms`,
  ],
  !inherited && slept > 150
    ? "false: the accepted sockets block, unless accept4 is given SOCK_NONBLOCK"
    : "true: the accepted socket did not block either",
);
