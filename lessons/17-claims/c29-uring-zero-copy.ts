/**
 * Lesson 17 · What people say: C29, about zero copy and io_uring.
 *
 * IORING_OP_SEND_ZC completes twice: when it has been sent, and when the memory is free. The second
 * completion can say whether the kernel has copied. Sends over loopback with it, and with plain
 * IORING_OP_SEND, and looks at what the receiver gets if the memory changes in between.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c29-uring-zero-copy.ts
 * Man:  io_uring_enter(2) (IORING_OP_SEND_ZC, IORING_SEND_ZC_REPORT_USAGE)
 */

import {
  IORING_CQE_F_NOTIF,
  IORING_NOTIF_USAGE_ZC_COPIED,
  prepareSendZeroCopy,
} from "../../shared/linux/io_uring/zero_copy.ts";
import { MappedMemory } from "../../shared/linux/memory.ts";
import { MSG_WAITALL, recv } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { makeRing } from "./ring.ts";
import { conclude } from "./verdict.ts";

const [SIZE, ROUNDS] = [60_000, 50];
const [OLD, NEW] = [1, 2]; // the bytes of the memory, before and after
using ring = makeRing("C29");
const [{ client, server }] = connectPairs(1);
const memory = ring.own(new MappedMemory(SIZE));
const received = new Uint8Array(SIZE);
const completions = { plain: 0, zeroCopy: 0, copied: 0 };

const plain = shares("plain", () => ring.send(client, memory, SIZE), 1);
const zeroCopy = shares("zeroCopy", () => prepareSendZeroCopy(ring, client, memory, SIZE), 2);

conclude(
  "C29",
  [
    `send: ${completions.plain / ROUNDS} completion each, the receiver gets the ${plain} bytes`,
    `send without a copy: ${completions.zeroCopy / ROUNDS} completions each, ` +
    `${completions.copied} of ${ROUNDS} report a copy, the receiver gets the ${zeroCopy} bytes`,
  ],
  completions.copied > 0
    ? "it depends on where it goes: over loopback, the kernel copies on delivery, and says so"
    : "true: no completion reported a copy",
);

/** Sends again and again, changes the memory after each, and returns what arrives. */
function shares(kind: "plain" | "zeroCopy", prepare: () => void, expected: number): string {
  let changed = 0;
  for (let i = 0; i < ROUNDS; i++) {
    memory.bytes.fill(OLD);
    prepare();
    let seen = 0;
    while (seen < expected) {
      ring.submitAndWait(1);
      ring.forEachCompletion((_op, _fd, result, flags) => {
        seen++;
        if (flags & IORING_CQE_F_NOTIF) {
          if (result & IORING_NOTIF_USAGE_ZC_COPIED) completions.copied++;
        } else if (result !== SIZE) throw new Error(`${result} bytes were sent, not ${SIZE}`);
      });
    }
    completions[kind] += seen;
    memory.bytes.fill(NEW);
    recv(server, received, SIZE, MSG_WAITALL);
    if (received[0] === NEW) changed++;
  }
  return changed === 0 ? "old" : "new";
}
