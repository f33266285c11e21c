/**
 * Lesson 17 · What people say: C23, about SO_REUSEPORT.
 *
 * Four sockets listen on one port. Ten clients connect, then a thousand, for several rounds. Each
 * time, how many of them does the busiest socket get? A quarter would be even.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c23-reuseport.ts
 * Man:  socket(7) (SO_REUSEPORT)
 */

import { close } from "../../shared/linux/descriptors.ts";
import {
  AF_INET,
  bind,
  connect,
  getsockname,
  listen,
  setsockopt,
  SO_LINGER,
  SO_REUSEPORT,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryAccept4,
} from "../../shared/linux/socket.ts";
import { median } from "../16-comparison/statistics.ts";
import { conclude } from "./verdict.ts";

const LISTENERS = 4;
const [FEW, MANY] = [10, 1000];

const first = listener(0);
const address = getsockname(first);
const listeners = [first];
while (listeners.length < LISTENERS) listeners.push(listener(address.port));

const few = Array.from({ length: 51 }, () => clientsOfBusiest(FEW));
const many = Array.from({ length: 5 }, () => clientsOfBusiest(MANY));
const fair = Math.ceil(FEW / LISTENERS);
const even = few.filter((clients) => clients === fair).length;
const shares = [median(few) / FEW, median(many) / MANY];
const [ofFew, ofMany] = shares.map((share) => `${Math.round(100 * share)} %`);

conclude(
  "C23",
  [
    `${LISTENERS} sockets listen on one port`,
    `${FEW} clients: the busiest gets ${median(few)} of them, the median of ${few.length} rounds`,
    `in ${even} of these rounds, no socket got more than ${fair}`,
    `${MANY} clients: the busiest gets ${median(many)} of them, the median of ${many.length}`,
  ],
  shares[0] > 1.25 * shares[1]
    ? `it depends on their number: the busiest gets ${ofFew} of ${FEW}, and ${ofMany} of ${MANY}`
    : `true: the busiest of ${LISTENERS} sockets gets ${ofFew} of ${FEW} clients`,
);

/** Lets clients connect, and accepts all of them. */
function clientsOfBusiest(clients: number): number {
  const accepted = new Array(LISTENERS).fill(0);
  for (let i = 0; i < clients; i++) {
    const client = socket(AF_INET, SOCK_STREAM);
    connect(client, address); // on loopback, it is in a queue when this returns
    const fds = listeners.map((listener) => tryAccept4(listener));
    accepted[fds.findIndex((fd) => fd >= 0)]++;
    setsockopt(client, SOL_SOCKET, SO_LINGER, 1, 0); // its port is free again at once
    for (const fd of [client, ...fds.filter((fd) => fd >= 0)]) close(fd);
  }
  return Math.max(...accepted);
}

function listener(port: number): number {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  bind(fd, { host: "127.0.0.1", port });
  listen(fd);
  return fd;
}
