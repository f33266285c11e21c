/**
 * Lesson 17 · What people say: C19, about O_NONBLOCK and files.
 *
 * Opens a file with O_NONBLOCK, reads 20 × 64 KiB of it, and tries to have epoll watch it. Then
 * does the same with a socket on which nothing has arrived.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c19-files.ts
 * Man:  open(2) (O_NONBLOCK), epoll_ctl(2) (EPERM)
 */

import { O_NONBLOCK, open } from "../../shared/linux/descriptors.ts";
import { epoll_create1, EPOLL_CTL_ADD, EPOLLIN, tryEpollCtl } from "../../shared/linux/epoll.ts";
import { EAGAIN, EPERM, orErrno } from "../../shared/linux/errno.ts";
import { files as libc } from "../../shared/linux/libc.ts";
import { SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const file = open(Deno.execPath(), O_NONBLOCK);
const [{ server }] = connectPairs(1, SOCK_NONBLOCK);

const [fromFile, fromSocket] = [file, server].map(readTwentyTimes);
const epoll = epoll_create1();
const [watchFile, watchSocket] = [file, server].map((fd) =>
  tryEpollCtl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN)
);

conclude(
  "C19",
  [
    `20 reads of a file: ${fromFile} times EAGAIN; of a socket: ${fromSocket} times`,
    `epoll_ctl for the file: ${watchFile === -EPERM ? "EPERM" : watchFile}; ` +
    `for the socket: ${watchSocket}`,
  ],
  fromFile === 0 && watchFile === -EPERM
    ? "false: read never returns EAGAIN for a file, and epoll refuses to watch it"
    : "true: read returned EAGAIN for the file, or epoll watches it",
);

/** Counts the reads that return EAGAIN. */
function readTwentyTimes(fd: number): number {
  const buffer = new Uint8Array(64 * 1024);
  let again = 0;
  for (let i = 0; i < 20; i++) {
    if (orErrno(libc.read(fd, buffer, buffer.length)) === -EAGAIN) again++;
  }
  return again;
}
