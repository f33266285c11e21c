/**
 * Lesson 17 · What people say: C17, about closing what epoll watches.
 *
 * Four sockets are watched, and closed. Three of them have a duplicate, as a child process or a
 * call of dup would make one. What does epoll report when a byte arrives, and what ends that?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c17-duplicate.ts
 * Man:  epoll(7), questions and answers, number 6; dup(2)
 */

import { close, F_DUPFD_CLOEXEC, fcntl } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
  tryEpollCtl,
} from "../../shared/linux/epoll.ts";
import { EBADF } from "../../shared/linux/errno.ts";
import { trySend } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const events = new EpollEvents(4);
const epoll = epoll_create1();
const pairs = connectPairs(4);
const [plain, ...duplicated] = pairs.map(({ server }) => server);
for (const { server } of pairs) epoll_ctl(epoll, EPOLL_CTL_ADD, server, EPOLLIN);
const duplicates = duplicated.map((fd) => fcntl(fd, F_DUPFD_CLOEXEC, 0));

for (const { server, client } of pairs) {
  close(server);
  trySend(client, new Uint8Array(1)); // answered with a reset where there is no duplicate
}
const closed = reportedBy(epoll);
const removal = tryEpollCtl(epoll, EPOLL_CTL_DEL, duplicated[0]);

close(duplicates[0]);
const afterLast = reportedBy(epoll);

// The lowest number from there on is the old one, which is free. dup2 would do the same.
const again = fcntl(duplicates[1], F_DUPFD_CLOEXEC, duplicated[1]);
epoll_ctl(epoll, EPOLL_CTL_DEL, again);
const afterRemoval = reportedBy(epoll);

close(epoll);
const afterClose = reportedBy(epoll_create1());

const [first, second, third] = duplicated;
conclude(
  "C17",
  [
    `closed: ${plain}; and ${duplicated.join(", ")}, each of which has a duplicate`,
    `epoll reports ${closed}; removing ${first} gives ${removal === -EBADF ? "EBADF" : removal}`,
    `the last duplicate of ${first} is closed: epoll reports ${afterLast}`,
    `a duplicate becomes ${again}, which can be removed: epoll reports ${afterRemoval}`,
    `epoll is closed, and a new one is made: it reports ${afterClose}`,
  ],
  closed !== duplicated.join(", ")
    ? "true: epoll reported no closed descriptor"
    : afterLast === `${second}, ${third}` && afterRemoval === `${third}` && afterClose === "none"
    ? "false: not while there is a duplicate; it can be removed when it has its old number again"
    : "false: and nothing ended the reports",
);

function reportedBy(epoll: number): string {
  const ready = epoll_wait(epoll, events, 100);
  const fds = Array.from({ length: ready }, (_, i) => events.fd(i));
  return fds.sort((a, b) => a - b).join(", ") || "none";
}
