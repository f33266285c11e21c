/**
 * Lesson 17 · What people say: C27, about sendfile.
 *
 * Sends a file, and overwrites it before the receiver receives. If the receiver gets the new bytes,
 * the socket's queue has the pages of the file itself, and nothing was copied into it. The same
 * with read and send, which copy twice; and what does a gigabyte cost the sender each way?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c27-sendfile.ts
 * Man:  sendfile(2), memfd_create(2)
 */

import { lseek, read, SEEK_SET, write } from "../../shared/linux/descriptors.ts";
import {
  MAP_SHARED,
  memfd_create,
  mmap,
  PROT_READ,
  PROT_WRITE,
} from "../../shared/linux/memory.ts";
import { trySendfile } from "../../shared/linux/pipe.ts";
import { MSG_TRUNC, MSG_WAITALL, recv, send } from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";
import { median } from "../16-comparison/statistics.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const [SIZE, ROUNDS] = [60_000, 1000];
const [OLD, NEW] = [1, 2]; // the bytes of the file, before and after
const [{ client, server }] = connectPairs(1);
const file = memfd_create("C27");
const buffer = new Uint8Array(SIZE);
write(file, buffer);
const content = new Uint8Array(mmap(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file));

const ways = [
  { name: "read and send", transfer: () => send(client, buffer, read(file, buffer)) },
  { name: "sendfile", transfer: () => trySendfile(client, file, SIZE) },
].map(({ name, transfer }) => {
  content.fill(OLD);
  lseek(file, 0, SEEK_SET);
  transfer();
  content.fill(NEW);
  recv(server, buffer, SIZE, MSG_WAITALL);
  const shared = buffer.every((byte) => byte === NEW);
  return { name, transfer, shared, times: [] as number[] };
});

for (let i = 0; i < ROUNDS; i++) {
  for (const { transfer, times } of ways) {
    lseek(file, 0, SEEK_SET);
    const begin = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    const length = transfer();
    times.push(clock_gettime(CLOCK_THREAD_CPUTIME_ID) - begin);
    if (length !== SIZE) throw new Error(`${length} bytes were sent, not ${SIZE}`);
    recv(server, buffer, SIZE, MSG_WAITALL | MSG_TRUNC);
  }
}

conclude(
  "C27",
  ways.map(({ name, shared, times }) =>
    `${name}: the receiver gets the ${shared ? "new" : "old"} bytes; ` +
    `${(median(times) * 1e9 / SIZE).toFixed(0)} ms of CPU time for 1 GB`
  ),
  ways[1].shared
    ? "true: of the sender, which copies nothing; the receiver still copies each byte in recv"
    : "false: the kernel has copied the file before sendfile returned",
);
