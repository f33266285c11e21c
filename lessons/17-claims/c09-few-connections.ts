/**
 * Lesson 17 · What people say: C9, about threads and multiplexing with few connections.
 *
 * Two servers take turns: lesson 02's, with a thread for each connection, and lesson 06's, with
 * epoll. In a turn, all connections send 64 B, and then all replies are received. Everything runs
 * on one core, so that the kernel's choice of cores makes no difference.
 *
 * Run:  deno run -A lessons/17-claims/c09-few-connections.ts
 * Man:  recv(2), epoll(7), sched_setaffinity(2)
 */

import { stayOnOneCore } from "../../shared/linux/cores.ts";
import {
  AF_INET,
  connect,
  IPPROTO_TCP,
  recv,
  send,
  setsockopt,
  SOCK_STREAM,
  socket,
  TCP_NODELAY,
} from "../../shared/linux/socket.ts";
import { startServer } from "./servers.ts";
import { median } from "../16-comparison/statistics.ts";
import { oneDigit } from "./timing.ts";
import { conclude } from "./verdict.ts";

const message = new Uint8Array(64).fill(97);
const buffer = new Uint8Array(64);

stayOnOneCore(); // the servers inherit it
await using threads = await startServer("02");
await using epoll = await startServer("06");
const servers = [threads, epoll].map(({ port }) => ({ port, connections: [] as number[] }));

const rows = [1, 10, 100].map((size) => {
  for (const { port, connections } of servers) {
    while (connections.length < size) connections.push(open(port));
    round(connections); // after this, each connection is accepted, and has its thread
  }
  const turns = Array.from({ length: 50 + 2000 / size }, () =>
    servers.map(({ connections }) => {
      const start = performance.now();
      round(connections);
      return (performance.now() - start) * 1000 / size;
    }));
  const [threads, epoll] = [0, 1].map((i) => median(turns.map((times) => times[i])));
  return { size, threads, epoll, ratio: epoll / threads };
});

const [one, , hundred] = rows;
conclude(
  "C9",
  rows.map(({ size, threads, epoll }) =>
    `${`${size}`.padStart(3)} connections: a message takes ${oneDigit(threads, 4)} µs ` +
    `with threads, ${oneDigit(epoll, 4)} µs with epoll`
  ),
  one.ratio > 0.9
    ? `true: epoll takes ${one.ratio.toFixed(2)} times as long with 1, ${
      hundred.ratio.toFixed(2)
    } with 100`
    : `false: epoll takes ${one.ratio.toFixed(2)} times as long already with 1`,
);

function open(port: number): number {
  const fd = socket(AF_INET, SOCK_STREAM);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  connect(fd, { host: "127.0.0.1", port });
  return fd;
}

function round(connections: number[]) {
  for (const fd of connections) send(fd, message);
  for (const fd of connections) {
    for (let rest = 64; rest > 0;) rest -= recv(fd, buffer, rest);
  }
}
