/**
 * Lesson 17 · What people say: C4, about what a polling loop wastes.
 *
 * For half a second, a loop polls twenty silent connections, as the server of lesson 03 does. Then
 * poll(2) waits for them for half a second. How much memory and CPU time does each take?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c04-polling-memory.ts
 * Man:  recv(2) (EAGAIN), poll(2)
 */

import { EAGAIN } from "../../shared/linux/errno.ts";
import { poll, POLLIN, PollList } from "../../shared/linux/poll.ts";
import { SOCK_NONBLOCK, tryRecv } from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const sockets = connectPairs(20, SOCK_NONBLOCK).map(({ server }) => server);
const buffer = new Uint8Array(1024);
let again = 0;

spin(200); // a first round, in which the engine may compile the loop and allocate for it
again = 0;

const memory = Deno.memoryUsage().rss;
const polling = cpuShare(spin);
const grown = (Deno.memoryUsage().rss - memory) / 2 ** 20;
const waiting = cpuShare(wait);

conclude(
  "C4",
  [
    `polling for 0.5 s: ${again.toLocaleString("en")} times EAGAIN, ${
      polling.toFixed(0)
    } % of a core`,
    `memory grew by ${grown.toFixed(1)} MiB meanwhile`,
    `waiting in poll(2) for 0.5 s: ${waiting.toFixed(0)} % of a core`,
  ],
  grown < 4 && polling > 10 * waiting
    ? "false: it wastes CPU time, not memory"
    : "true: memory grew while the loop ran",
);

function spin(milliseconds: number) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    for (const fd of sockets) if (tryRecv(fd, buffer) === -EAGAIN) again++;
  }
}

function wait(milliseconds: number) {
  const list = new PollList();
  for (const fd of sockets) list.add(fd, POLLIN);
  poll(list, milliseconds);
}

/** The share of a core that this thread uses in half a second, in percent. */
function cpuShare(work: (milliseconds: number) => void): number {
  const [cpu, wall] = [clock_gettime(CLOCK_THREAD_CPUTIME_ID), performance.now()];
  work(500);
  const used = clock_gettime(CLOCK_THREAD_CPUTIME_ID) - cpu;
  return 100 * used / (performance.now() - wall);
}
