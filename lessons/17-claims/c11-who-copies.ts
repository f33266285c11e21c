/**
 * Lesson 17 · What people say: C11, about the copy in asynchronous I/O.
 *
 * Receives 60 kB many times: with recv; with io_uring, where the kernel receives and reports the
 * completion; and with MSG_TRUNC, which discards the bytes without copying them. How much CPU time
 * does a gigabyte cost this thread?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c11-who-copies.ts
 * Man:  io_uring(7), io_uring_enter(2), tcp(7) (MSG_TRUNC)
 */

import { MappedMemory } from "../../shared/linux/memory.ts";
import { MSG_TRUNC, send, tryRecv } from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";
import { median } from "../16-comparison/statistics.ts";
import { connectPairs } from "./pairs.ts";
import { makeRing } from "./ring.ts";
import { conclude } from "./verdict.ts";

const [SIZE, ROUNDS, PLACES] = [60_000, 2000, 512];
using ring = makeRing("C11");

const [{ client, server }] = connectPairs(1);
const piece = new Uint8Array(SIZE);
// Each piece goes to another place, as the pieces of a large message do.
const places = Array.from({ length: PLACES }, () => new MappedMemory(SIZE));

const models = [
  { name: "recv", receive: (i: number) => tryRecv(server, places[i].bytes) },
  { name: "io_uring", receive: complete },
  {
    name: "recv without the copy",
    receive: (i: number) => tryRecv(server, places[i].bytes, SIZE, MSG_TRUNC),
  },
].map((model) => ({ ...model, times: [] as number[] }));

for (let i = 0; i < ROUNDS * models.length;) {
  for (const { receive, times } of models) {
    send(client, piece);
    const begin = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    const length = receive(i++ % PLACES);
    times.push(clock_gettime(CLOCK_THREAD_CPUTIME_ID) - begin);
    if (length !== SIZE) throw new Error(`${length} bytes arrived, not ${SIZE}`);
  }
}

const costs = models.map(({ times }) => median(times) * 1e9 / SIZE);
const [copied, completed, discarded] = costs;
conclude(
  "C11",
  models.map(({ name }, i) =>
    `${name.padEnd(21)} ${costs[i].toFixed(0).padStart(3)} ms of CPU time for 1 GB`
  ),
  completed > (copied + discarded) / 2
    ? "false: the program need not wait, but the kernel copies, and this thread pays for it"
    : "true: io_uring cost little more than receiving without the copy",
);

function complete(place: number): number {
  let length = 0;
  ring.recv(server, places[place]);
  ring.submitAndWait(1);
  ring.forEachCompletion((_op, _fd, result) => length = result);
  return length;
}
