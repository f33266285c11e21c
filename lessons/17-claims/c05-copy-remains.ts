/**
 * Lesson 17 · What people say: C5, about what is left of a read that does not wait.
 *
 * If no data has arrived, a non-blocking recv returns EAGAIN at once: the wait is gone. If data has
 * arrived, MSG_PEEK copies it and leaves it in the socket; together with MSG_TRUNC, it does not
 * even copy. The difference between the two is the copy.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c05-copy-remains.ts
 * Man:  recv(2), tcp(7) (MSG_TRUNC)
 */

import { EAGAIN } from "../../shared/linux/errno.ts";
import { MSG_PEEK, MSG_TRUNC, send, SOCK_NONBLOCK, tryRecv } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { cpuTime, oneDigit } from "./timing.ts";
import { conclude } from "./verdict.ts";

const CALLS = 500;
const [{ client, server }] = connectPairs(1, SOCK_NONBLOCK);
const buffer = new Uint8Array(64 * 1024);

const empty = timeOfRecv(buffer.length, 0, -EAGAIN);
const rows: string[] = [];
let factor = 0;
let queued = 0;
for (const size of [64, 4096, 60_000]) {
  send(client, buffer, size - queued); // nothing was taken out, so this adds to what is there
  queued = size;
  const copy = timeOfRecv(size, MSG_PEEK, size);
  const without = timeOfRecv(size, MSG_PEEK | MSG_TRUNC, size);
  factor = copy / without;
  const bytes = size.toLocaleString("en").padStart(6);
  rows.push(`${bytes} B arrived: ${oneDigit(copy)} µs, without the copy ${oneDigit(without)} µs`);
}

conclude(
  "C5",
  [`nothing arrived: EAGAIN after ${oneDigit(empty)} µs`, ...rows],
  factor > 1.5
    ? `true: no call waits; with the copy, the last one takes ${oneDigit(factor)} times as long`
    : "false: the copy took too little time to be measured",
);

/** The CPU time of a call, in microseconds. */
function timeOfRecv(size: number, flags: number, expected: number): number {
  return cpuTime(() => {
    for (let i = 0; i < CALLS; i++) {
      const result = tryRecv(server, buffer, size, flags);
      if (result !== expected) throw new Error(`recv returned ${result}, not ${expected}`);
    }
  }) / CALLS;
}
