/**
 * Lesson 17 · What people say: C28, about MSG_ZEROCOPY.
 *
 * With this flag, send returns before the kernel has done with the memory, and a notification in
 * the socket's queue of errors says when it has; and also whether it has copied after all. Sends
 * over loopback, reads the notifications, and compares the CPU time with that of plain send.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c28-msg-zerocopy.ts
 * Man:  send(2), recvmsg(2) (MSG_ERRQUEUE); Linux, Documentation/networking/msg_zerocopy.rst
 */

import { Message } from "../../shared/linux/recvmsg.ts";
import {
  MSG_TRUNC,
  MSG_WAITALL,
  recv,
  send,
  setsockopt,
  SOL_SOCKET,
} from "../../shared/linux/socket.ts";
import {
  MSG_ZEROCOPY,
  notificationOf,
  SO_EE_CODE_ZEROCOPY_COPIED,
  SO_ZEROCOPY,
} from "../../shared/linux/zero_copy.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";
import { median } from "../16-comparison/statistics.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const [SIZE, ROUNDS] = [60_000, 1000];
const [{ client, server }] = connectPairs(1);
setsockopt(client, SOL_SOCKET, SO_ZEROCOPY, 1);
const buffer = new Uint8Array(SIZE);
const message = new Message(new Uint8Array(1));
let [calls, copied] = [0, 0];

const ways = [
  { name: "plain send", flags: 0 },
  { name: "with MSG_ZEROCOPY", flags: MSG_ZEROCOPY },
].map((way) => ({ ...way, times: [] as number[] }));

for (let i = 0; i < ROUNDS; i++) {
  for (const { flags, times } of ways) {
    const begin = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    const sent = send(client, buffer, SIZE, flags);
    times.push(clock_gettime(CLOCK_THREAD_CPUTIME_ID) - begin);
    if (sent !== SIZE) throw new Error(`${sent} bytes were sent, not ${SIZE}`);
    recv(server, buffer, SIZE, MSG_WAITALL | MSG_TRUNC);
    for (let report; (report = notificationOf(client, message)) !== undefined;) {
      calls += report.calls;
      if (report.code === SO_EE_CODE_ZEROCOPY_COPIED) copied += report.calls;
    }
  }
}

const [plain, zero] = ways.map(({ times }) => 1000 * median(times));
conclude(
  "C28",
  [
    `${calls} calls with MSG_ZEROCOPY were reported, ${copied} of them as copied after all`,
    `${SIZE} B: plain send ${plain.toFixed(1)} µs, with MSG_ZEROCOPY ${zero.toFixed(1)} µs`,
  ],
  copied > 0
    ? "it depends on where they go: over loopback, the kernel copies them on delivery, and says so"
    : "true: no call was reported as copied",
);
