/**
 * Lesson 17 · What people say: C17, about closing what epoll watches.
 *
 * Two sockets are watched, and both are closed. Of the second there is a duplicate, as a child
 * process or a call of dup would have one. Then a byte arrives for each.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c17-duplicate.ts
 * Man:  epoll(7), questions and answers, number 6; dup(2)
 */

import { close, F_DUPFD_CLOEXEC, fcntl } from "../../shared/linux/descriptors.ts";
import { epoll_create1, epoll_ctl, EPOLL_CTL_ADD } from "../../shared/linux/epoll.ts";
import { EPOLL_CTL_DEL, epoll_wait, EpollEvents, EPOLLIN } from "../../shared/linux/epoll.ts";
import { tryEpollCtl } from "../../shared/linux/epoll.ts";
import { EBADF } from "../../shared/linux/errno.ts";
import { send, trySend } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const events = new EpollEvents(2);
const epoll = epoll_create1();
const [plain, duplicated] = connectPairs(2);
for (const { server } of [plain, duplicated]) epoll_ctl(epoll, EPOLL_CTL_ADD, server, EPOLLIN);
const duplicate = fcntl(duplicated.server, F_DUPFD_CLOEXEC, 0);

close(plain.server);
close(duplicated.server);
trySend(plain.client, new Uint8Array(1)); // answered with a reset, since nobody is there
send(duplicated.client, new Uint8Array(1));

const told = epoll_wait(epoll, events, 100);
const fd = events.fd(0);
const removal = tryEpollCtl(epoll, EPOLL_CTL_DEL, duplicated.server);
close(duplicate);
const afterwards = epoll_wait(epoll, events, 100);

conclude(
  "C17",
  [
    `closed: ${plain.server}, and ${duplicated.server}, of which ${duplicate} is a duplicate`,
    `epoll tells of ${told}: descriptor ${told > 0 ? fd : "none"}, which is closed`,
    `taking it off the list: ${removal === -EBADF ? "EBADF, it is not open" : removal}`,
    `when the duplicate is closed as well, epoll tells of ${afterwards}`,
  ],
  told === 1 && fd === duplicated.server && afterwards === 0
    ? "false: it goes when the last duplicate is closed, and until then nothing helps"
    : "true: nothing more was told of a closed descriptor",
);
