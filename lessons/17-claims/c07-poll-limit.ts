/**
 * Lesson 17 · What people say: C7, about the limit of select.
 *
 * Descriptors from 1,024 on do not fit into the C library's fd_set. Does the system call have that
 * limit, too? Here, it gets a longer array of bits. And does poll have a limit?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c07-poll-limit.ts
 * Man:  select(2) (BUGS), poll(2) (ERRORS), getrlimit(2) (RLIMIT_NOFILE)
 */

import {
  F_DUPFD_CLOEXEC,
  fcntl,
  getrlimit,
  RLIMIT_NOFILE,
  setrlimit,
} from "../../shared/linux/descriptors.ts";
import { EINVAL, orErrno } from "../../shared/linux/errno.ts";
import { polling, selecting } from "../../shared/linux/libc.ts";
import { POLLIN, PollList } from "../../shared/linux/poll.ts";
import { FD_SETSIZE } from "../../shared/linux/select.ts";
import { send } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const LIMIT = 1600;
const HIGH = 1500;
const { hard } = getrlimit(RLIMIT_NOFILE);
if (hard < LIMIT) {
  conclude("C7", [], `not measured: the hard limit of descriptors is ${hard}, not ${LIMIT}`);
  Deno.exit();
}
setrlimit(RLIMIT_NOFILE, { soft: LIMIT, hard });
const [{ client, server }] = connectPairs(1);
const fd = fcntl(server, F_DUPFD_CLOEXEC, HIGH); // the first free number from there on
send(client, new Uint8Array(1));

const list = new PollList();
list.add(fd, POLLIN);
const polled = pollNow();

// The kernel copies as many words as the first argument requires. It has no FD_SETSIZE.
const bits = new Int32Array(LIMIT / 32);
bits[fd >>> 5] = 1 << (fd & 31);
const selected = orErrno(selecting.select(fd + 1, bits, null, null, new BigInt64Array(2)));
const found = selected === 1 && bits[fd >>> 5] === 1 << (fd & 31);

while (list.length < LIMIT) list.add(fd, POLLIN);
const full = pollNow();
list.add(fd, POLLIN);
const tooMany = pollNow();

conclude(
  "C7",
  [
    `descriptor ${fd}, which does not fit into an fd_set of ${FD_SETSIZE}, is ready`,
    `poll finds ${polled}; select, given ${bits.length * 32} bits, finds ${selected}`,
    `poll with ${LIMIT} entries, the limit of descriptors: finds ${full}`,
    `poll with ${LIMIT + 1} entries: ${tooMany === -EINVAL ? "EINVAL" : tooMany}`,
  ],
  found && tooMany === -EINVAL
    ? "it depends on whose select: the C library's ends at 1,024, the kernel's does not"
    : "true: poll accepted a descriptor that select did not",
);

function pollNow(): number {
  return orErrno(polling.poll(list.memory, list.length, 0));
}
