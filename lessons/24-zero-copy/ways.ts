/**
 * Lesson 24 · Zero copy: from a file into a socket, in four ways.
 *
 * After each call, its source is overwritten. If the old bytes arrive nevertheless, the call has
 * copied them; if the new ones arrive, it has only passed on where they are. Then it measures what
 * a gigabyte costs, from one piece again and again, and from a file larger than the CPU's cache.
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

const [SIZE, PIECES, ROUNDS] = [64 * 1024, 2048, 4000];
const [OLD, NEW] = [1, 2]; // the bytes of a source, before and after
const listener = listenTcp({ host: "127.0.0.1", port: 0 });
const sender = socket(AF_INET, SOCK_STREAM);
connect(sender, getsockname(listener));
const receiver = accept4(listener);

const file = memfd_create("file");
const [buffer, received] = [new Uint8Array(SIZE), new Uint8Array(SIZE)];
for (let i = 0; i < PIECES; i++) write(file, buffer);
const mapped = mmap(PIECES * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file);
const pieces = Array.from({ length: PIECES }, (_, i) => new Uint8Array(mapped, i * SIZE, SIZE));
let piece = pieces[0];
const pipe = pipe2();

/** A call, and where its bytes come from: the file, unless it is the buffer. */
type Step = { source?: Uint8Array; call(): number };

const ways: Record<string, Step[]> = {
  "read, send": [
    { call: () => read(file, buffer) },
    { source: buffer, call: () => send(sender, buffer) },
  ],
  // The mapping is made once. Texts that count it as a call make one for each file.
  "mmap, send": [{ call: () => send(sender, piece) }],
  "splice, splice": [
    { call: () => trySplice(file, pipe.write, SIZE, SPLICE_F_MOVE) },
    { call: () => trySplice(pipe.read, sender, SIZE, SPLICE_F_MOVE) },
  ],
  "sendfile": [{ call: () => trySendfile(sender, file, SIZE) }],
};

console.log("way             calls  switches  copies  1 GB, one piece  1 GB, 128 MiB file");
for (const [name, steps] of Object.entries(ways)) {
  const copies = steps.filter((_, step) => copiesIn(steps, step)).length;
  const counts = `${steps.length}         ${2 * steps.length}       ${copies}`;
  const [one, walk] = [1, PIECES].map((count) => cost(steps, count).toFixed(0));
  console.log(`${name.padEnd(18)}${counts}${one.padStart(13)} ms${walk.padStart(18)} ms`);
}

/** What a gigabyte out of the first `count` pieces costs, in milliseconds of CPU time. */
function cost(steps: Step[], count: number): number {
  let time = 0;
  for (let round = 0; round < ROUNDS; round++) {
    piece = pieces[round % count];
    lseek(file, piece.byteOffset, SEEK_SET);
    const begin = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    for (const { call } of steps) call();
    time += clock_gettime(CLOCK_THREAD_CPUTIME_ID) - begin;
    recv(receiver, received, SIZE, MSG_WAITALL | MSG_TRUNC);
  }
  return time / ROUNDS * 1e9 / SIZE;
}

/** Whether a step has copied what it was given, before it returned. */
function copiesIn(steps: Step[], step: number): boolean {
  piece = pieces[0].fill(OLD);
  lseek(file, 0, SEEK_SET);
  steps.forEach(({ source = piece, call }, i) => {
    if (call() !== SIZE) throw new Error("the call took fewer bytes than there are");
    if (i === step) source.fill(NEW);
  });
  recv(receiver, received, SIZE, MSG_WAITALL);
  return received.every((byte) => byte === OLD);
}
