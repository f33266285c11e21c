/**
 * Lesson 24 · Zero copy: what a gigabyte costs on its way through.
 *
 * Messages go from one connection to another, in three ways: with recv and send; with splice,
 * through a pipe of the usual size and one of 1 MiB; and with splice in an io_uring. Only the way
 * through is measured, in the CPU time of the process: an io_uring has threads of its own.
 *
 * Run:  deno run --allow-ffi lessons/24-zero-copy/gigabyte.ts
 * Man:  splice(2), fcntl(2) (F_SETPIPE_SZ), io_uring_enter(2) (IORING_OP_SPLICE)
 */

import { fcntl } from "../../shared/linux/descriptors.ts";
import { IoUring } from "../../shared/linux/io_uring/ring.ts";
import { prepareSplice } from "../../shared/linux/io_uring/zero_copy.ts";
import {
  F_SETPIPE_SZ,
  type Pipe,
  pipe2,
  SPLICE_F_MOVE,
  trySplice,
} from "../../shared/linux/pipe.ts";
import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  IPPROTO_TCP,
  listenTcp,
  MSG_TRUNC,
  MSG_WAITALL,
  recv,
  send,
  setsockopt,
  SOCK_STREAM,
  socket,
  TCP_NODELAY,
} from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_PROCESS_CPUTIME_ID } from "../../shared/linux/time.ts";

const [SIZES, ROUNDS] = [[64, 4096, 64 * 1024], 2000];
const listener = listenTcp({ host: "127.0.0.1", port: 0 });
const [client, proxy] = connected();
const [upstream, server] = connected();
const buffer = new Uint8Array(64 * 1024);
const [pipe, large] = [pipe2(), pipe2()];
fcntl(large.write, F_SETPIPE_SZ, 1024 * 1024);

/** Each moves some of what has arrived, and returns how many bytes. */
const ways: Record<string, () => number> = {
  "recv, send": () => send(upstream, buffer, recv(proxy, buffer)),
  "splice": () => through(pipe, (from, to) => trySplice(from, to, 64 * 1024, SPLICE_F_MOVE)),
  "1 MiB pipe": () => through(large, (from, to) => trySplice(from, to, 64 * 1024, SPLICE_F_MOVE)),
};
try {
  const ring = new IoUring();
  ways["io_uring"] = () => through(pipe, (from, to) => inRing(ring, from, to));
} catch (error) {
  console.log(`without io_uring: ${(error as Error).message}`);
}

console.log(`seconds for 1 GB${Object.keys(ways).map((name) => name.padStart(12)).join("")}`);
for (const size of SIZES) {
  const times = Object.values(ways).map(() => 0);
  for (let round = -100; round < ROUNDS; round++) {
    Object.values(ways).forEach((move, i) => {
      send(client, buffer, size);
      const begin = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
      for (let rest = size; rest > 0;) rest -= move();
      if (round >= 0) times[i] += clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - begin;
      recv(server, buffer, size, MSG_WAITALL | MSG_TRUNC);
    });
  }
  const costs = times.map((time) => (time * 1e6 / ROUNDS / size).toFixed(2).padStart(12));
  console.log(`${size.toLocaleString("en").padStart(7)} B each${costs.join("")}`);
}

/** Two ends of a connection. */
function connected(): [number, number] {
  const end = socket(AF_INET, SOCK_STREAM);
  setsockopt(end, IPPROTO_TCP, TCP_NODELAY, 1);
  connect(end, getsockname(listener));
  return [end, accept4(listener)];
}

function through({ read, write }: Pipe, move: (from: number, to: number) => number): number {
  const length = move(proxy, write);
  for (let rest = length; rest > 0;) rest -= move(read, upstream);
  return length;
}

function inRing(ring: IoUring, from: number, to: number): number {
  let length = 0;
  prepareSplice(ring, from, to, 64 * 1024, SPLICE_F_MOVE);
  ring.submitAndWait(1);
  ring.forEachCompletion((_op, _fd, result) => length = result);
  if (length <= 0) throw new Error(`splice completed with ${length}`);
  return length;
}
