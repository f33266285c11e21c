/**
 * Lesson 17 · What people say: C14, about memory that epoll and the kernel share.
 *
 * Shared memory is in the list of the process's mappings. Compares that list before and after an
 * epoll instance has reported a hundred sockets; then does the same with io_uring, whose rings are
 * shared memory.
 *
 * Run:  deno run -A lessons/17-claims/c14-shared-memory.ts
 * Man:  epoll_wait(2), io_uring(7), proc_pid_maps(5)
 */

import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { IoUring } from "../../shared/linux/io_uring/ring.ts";
import { send } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const before = sharedMappings();

const epoll = epoll_create1();
for (const { client, server } of connectPairs(100)) {
  epoll_ctl(epoll, EPOLL_CTL_ADD, server, EPOLLIN);
  send(client, new Uint8Array(1));
}
const ready = epoll_wait(epoll, new EpollEvents(100), -1);
const added = sharedMappings().filter((line) => !before.includes(line)).length;

conclude(
  "C14",
  [
    `epoll_wait reported ${ready} sockets; shared mappings that this added: ${added}`,
    `io_uring: ${uringMappings()}`,
  ],
  added === 0
    ? "false: epoll_wait copies each event to the program, as every call copies its results"
    : "true: there are mappings that the kernel writes to",
);

function uringMappings(): string {
  try {
    using _ring = new IoUring();
    const rings = sharedMappings().filter((line) => line.includes("anon_inode:[io_uring]"));
    return `${rings.length} shared mappings, named anon_inode:[io_uring]`;
  } catch (error) {
    return `not measured: ${(error as Error).message}`;
  }
}

/** Lines such as `7f2a00000000-7f2a00001000 rw-s 00000000 00:01 7 anon_inode:[io_uring]`. */
function sharedMappings(): string[] {
  const lines = Deno.readTextFileSync("/proc/self/maps").split("\n");
  return lines.filter((line) => /^\S+ ..\Ss /.test(line));
}
