/**
 * Lesson 05 · poll: the cost of the scan.
 *
 * Watches 10, 100 and 1,000 sockets, exactly one of which is ready, and measures one call of poll.
 * The answer is always the same, but the kernel goes through the whole list to find it.
 *
 * Run:  deno run --allow-ffi lessons/05-poll/scan.ts
 * Man:  poll(2)
 */

import { poll, POLLIN, PollList } from "../../shared/linux/poll.ts";
import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  send,
  SOCK_STREAM,
  socket,
} from "../../shared/linux/socket.ts";

const CALLS = 2000;
const ROUNDS = 9;

const listener = listenTcp({ host: "127.0.0.1", port: 0 });
const list = new PollList();

for (const size of [10, 100, 1000]) {
  while (list.length < size) {
    const client = socket(AF_INET, SOCK_STREAM);
    connect(client, getsockname(listener)); // the kernel completes it without our accept
    list.add(accept4(listener), POLLIN);
    // The first client sends something that is never read, so its socket stays ready.
    if (list.length === 1) send(client, new TextEncoder().encode("hello"));
  }
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let i = 0; i < CALLS; i++) poll(list, -1);
    return (performance.now() - start) / CALLS * 1000;
  });
  const median = times.sort((a, b) => a - b)[ROUNDS >> 1];
  const watched = list.length.toLocaleString("en").padStart(5);
  console.log(
    `${watched} sockets, 1 ready: poll returns ${poll(list, -1)} in ${median.toFixed(1)} µs`,
  );
}
