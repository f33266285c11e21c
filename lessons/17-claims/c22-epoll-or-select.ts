/**
 * Lesson 17 · What people say: C22, about epoll and select.
 *
 * Both find out which of 900 sockets are ready: first with one of them ready, then with all. With
 * select, filling the set and looking through the result are part of the work.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c22-epoll-or-select.ts
 * Man:  select(2), epoll(7)
 */

import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { FdSet, select } from "../../shared/linux/select.ts";
import { send } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { cpuTime, oneDigit } from "./timing.ts";
import { conclude } from "./verdict.ts";

const TURNS = 200;
const FEW = 1; // how many are ready where not all are
// Both ends of each connection are watched: more would not fit into an fd_set.
const sockets = connectPairs(450).flatMap(({ client, server }) => [client, server]);
const highest = Math.max(...sockets);
const readable = new FdSet();
const events = new EpollEvents(sockets.length);
const epoll = epoll_create1();
for (const fd of sockets) epoll_ctl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);

// Nothing ever reads what is sent, so the other ends stay ready.
for (const fd of sockets.slice(0, FEW)) send(fd, new Uint8Array(1));
const mostlyIdle = measure(FEW);
for (const fd of sockets) send(fd, new Uint8Array(1));
const allActive = measure(sockets.length);

const [idle, active] = [mostlyIdle, allActive].map(({ select, epoll }) => select / epoll);
conclude(
  "C22",
  [mostlyIdle, allActive].map(({ ready, select, epoll }) =>
    `${ready.padStart(3)} of 900 ready: select ${oneDigit(select, 5)} µs, ` +
    `epoll ${oneDigit(epoll, 5)} µs`
  ),
  idle > 1.2 && active < 1.2
    ? `it depends on how many are ready: ${oneDigit(idle)} times as fast for ${FEW}, ${
      oneDigit(active)
    } for 900`
    : idle > 1.2
    ? "true: it was faster in both cases"
    : "false: it was not faster, although few of 900 were ready",
);

/** The CPU time of a turn with each of the two, in microseconds. */
function measure(expected: number) {
  let found = 0;
  const withSelect = cpuTime(() => {
    for (let turn = 0; turn < TURNS; turn++) {
      readable.clear();
      for (const fd of sockets) readable.add(fd);
      select(highest + 1, readable, null, null);
      found = 0;
      for (const fd of sockets) if (readable.has(fd)) found++;
    }
  });
  if (found !== expected) throw new Error(`select reported ${found}, not ${expected}`);
  const withEpoll = cpuTime(() => {
    for (let turn = 0; turn < TURNS; turn++) {
      const ready = epoll_wait(epoll, events, -1);
      found = 0;
      for (let i = 0; i < ready; i++) if (events.fd(i) > 0) found++;
    }
  });
  if (found !== expected) throw new Error(`epoll reported ${found}, not ${expected}`);
  return { ready: `${expected}`, select: withSelect / TURNS, epoll: withEpoll / TURNS };
}
