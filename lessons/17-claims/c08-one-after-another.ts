/**
 * Lesson 17 · What people say: C8, about epoll's callbacks.
 *
 * Three sockets are ready at the same moment, and each has a callback that takes 20 ms. When does
 * each callback begin and end, and in which thread?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c08-one-after-another.ts
 * Man:  epoll_wait(2), epoll(7)
 */

import { threads as libc } from "../../shared/linux/libc.ts";
import { send, SOCK_NONBLOCK } from "../../shared/linux/socket.ts";
import { EpollSelector } from "../../shared/selectors/epoll.ts";
import { EVENT_READ } from "../../shared/selectors/selector.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const pairs = connectPairs(3, SOCK_NONBLOCK);
using selector = new EpollSelector<() => void>();
const runs: { begin: number; end: number; thread: number }[] = [];

for (const { client, server } of pairs) {
  selector.register(server, EVENT_READ, callback);
  send(client, new Uint8Array(1));
}

const start = performance.now();
const ready = selector.select();
for (const { data } of ready) data(); // epoll calls no callback; the loop does

const overlaps = runs.filter(({ begin }, i) => i > 0 && begin < runs[i - 1].end).length;
const threads = new Set(runs.map(({ thread }) => thread)).size;
conclude(
  "C8",
  [
    `one epoll_wait returned a list of ${ready.length}`,
    ...runs.map(({ begin, end, thread }, i) =>
      `callback ${i + 1} ran from ${begin.toFixed(1)} to ${end.toFixed(1)} ms, in thread ${thread}`
    ),
    `overlaps: ${overlaps}`,
  ],
  ready.length === 3 && overlaps === 0 && threads === 1
    ? "false: they ran one after another, in the thread that goes through the list"
    : "true: some of them ran at the same time",
);

function callback() {
  const begin = performance.now() - start;
  while (performance.now() - start < begin + 20);
  runs.push({ begin, end: performance.now() - start, thread: libc.gettid() });
}
