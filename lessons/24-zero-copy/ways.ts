/**
 * Lesson 24 · Zero copy: from a file into a socket, in four ways.
 *
 * After each call, its source is overwritten. If the old bytes arrive nevertheless, the call has
 * copied them; if the new ones arrive, it has only passed on where they are. Then it measures what
 * a gigabyte costs.
 *
 * Run:  deno run --allow-ffi lessons/24-zero-copy/ways.ts
 * Man:  sendfile(2), splice(2), mmap(2), memfd_create(2)
 */

import { lseek, read, SEEK_SET, write } from "../../shared/linux/descriptors.ts";
import {
  MAP_SHARED,
  memfd_create,
  mmap,
  PROT_READ,
  PROT_WRITE,
} from "../../shared/linux/memory.ts";
import { pipe2, SPLICE_F_MOVE, trySendfile, trySplice } from "../../shared/linux/pipe.ts";
import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  MSG_TRUNC,
  MSG_WAITALL,
  recv,
  send,
  SOCK_STREAM,
  socket,
} from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";

const [SIZE, ROUNDS] = [64 * 1024, 2000];
const [OLD, NEW] = [1, 2]; // the bytes of a source, before and after

const listener = listenTcp({ host: "127.0.0.1", port: 0 });
const sender = socket(AF_INET, SOCK_STREAM);
connect(sender, getsockname(listener));
const receiver = accept4(listener);

const file = memfd_create("file");
const [buffer, received] = [new Uint8Array(SIZE), new Uint8Array(SIZE)];
write(file, buffer);
const mapped = new Uint8Array(mmap(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file));
const pipe = pipe2();

/** A call, and where its bytes come from. */
type Step = { source: Uint8Array; call(): number };

const ways: Record<string, Step[]> = {
  "read, send": [
    { source: mapped, call: () => read(file, buffer) },
    { source: buffer, call: () => send(sender, buffer) },
  ],
  // The mapping was made once; the texts that count a call for it make one for each file.
  "mmap, send": [{ source: mapped, call: () => send(sender, mapped) }],
  "splice, splice": [
    { source: mapped, call: () => trySplice(file, pipe.write, SIZE, SPLICE_F_MOVE) },
    { source: mapped, call: () => trySplice(pipe.read, sender, SIZE, SPLICE_F_MOVE) },
  ],
  "sendfile": [{ source: mapped, call: () => trySendfile(sender, file, SIZE) }],
};

console.log("way             calls  switches  copies  CPU time for 1 GB");
const times: Record<string, number> = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, steps] of Object.entries(ways)) {
    lseek(file, 0, SEEK_SET);
    const begin = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    for (const { call } of steps) call();
    times[name] = (times[name] ?? 0) + clock_gettime(CLOCK_THREAD_CPUTIME_ID) - begin;
    recv(receiver, received, SIZE, MSG_WAITALL | MSG_TRUNC);
  }
}
for (const [name, steps] of Object.entries(ways)) {
  const calls = steps.length;
  const copies = steps.filter((_, i) => copiesIn(steps, i)).length;
  const cost = times[name] / ROUNDS * 1e9 / SIZE;
  console.log(
    `${name.padEnd(15)} ${calls}      ${2 * calls}         ${copies}       ${cost.toFixed(0)} ms`,
  );
}

/** Whether a step has copied what it was given, before it returned. */
function copiesIn(steps: Step[], step: number): boolean {
  mapped.fill(OLD);
  lseek(file, 0, SEEK_SET);
  steps.forEach(({ source, call }, i) => {
    if (call() !== SIZE) throw new Error("the call took fewer bytes than there are");
    if (i === step) source.fill(NEW);
  });
  recv(receiver, received, SIZE, MSG_WAITALL);
  return received.every((byte) => byte === OLD);
}
