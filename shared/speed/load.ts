/**
 * The load for the speed table, in a process of its own: `load.ts PORT PID CONNECTIONS
 * MILLISECONDS`.
 *
 * Each connection says 64 bytes, waits for the whole reply, checks every byte, and says the next.
 * The result is a line of JSON: how many messages there were, how long it took, and the CPU time of
 * the server and of the load in the same time, in milliseconds.
 *
 * @module
 */

import { epoll_create1, epoll_ctl, EPOLL_CTL_ADD, epoll_wait } from "../linux/epoll.ts";
import { EpollEvents, EPOLLIN } from "../linux/epoll.ts";
import { EAGAIN } from "../linux/errno.ts";
import { AF_INET, connect, IPPROTO_TCP, setsockopt, SOCK_STREAM } from "../linux/socket.ts";
import { F_SETFL, fcntl, O_NONBLOCK } from "../linux/descriptors.ts";
import { socket, TCP_NODELAY, tryRecv, trySend } from "../linux/socket.ts";
import { shout } from "../shout.ts";
import { cpuOf } from "../lesson/costs.ts";

/** What one measurement gave. */
export interface Measurement {
  /** Messages that were answered. */
  messages: number;
  /** Milliseconds that it took. */
  wall: number;
  /** CPU time of the server in that time, in milliseconds. */
  server: number;
  /** CPU time of the load itself in that time, in milliseconds. */
  load: number;
}

const SIZE = 64;
const WARM_UP = 300;

const [port, pid, count, time] = Deno.args.map(Number);
const message = Uint8Array.from({ length: SIZE }, (_, i) => 97 + i % 26);
const expected = shout(message.slice());
const buffer = new Uint8Array(2 * SIZE);
const missing: number[] = []; // bytes of the reply, by descriptor
const epoll = epoll_create1();
const events = new EpollEvents(1024);
let messages = 0;

for (let i = 0; i < count; i++) {
  const fd = socket(AF_INET, SOCK_STREAM);
  connect(fd, { host: "127.0.0.1", port });
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
  say(fd);
}

talkFor(WARM_UP);
messages = 0;
const [start, serverBefore, loadBefore] = [performance.now(), cpuOf(pid), cpuOf(Deno.pid)];
talkFor(time);
const measurement: Measurement = {
  messages,
  wall: performance.now() - start,
  server: cpuOf(pid) - serverBefore,
  load: cpuOf(Deno.pid) - loadBefore,
};
console.log(JSON.stringify(measurement));

function talkFor(milliseconds: number) {
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    const ready = epoll_wait(epoll, events, 1000);
    if (ready === 0) throw new Error("the server has not answered anybody for a second");
    for (let i = 0; i < ready; i++) hear(events.fd(i));
  }
}

function hear(fd: number) {
  const length = tryRecv(fd, buffer);
  if (length === -EAGAIN) return;
  if (length <= 0) throw new Error(`the server has closed a connection: ${length}`);
  const offset = SIZE - missing[fd];
  for (let i = 0; i < length; i++) {
    if (buffer[i] !== expected[offset + i]) throw new Error(`byte ${offset + i} is wrong`);
  }
  missing[fd] -= length;
  if (missing[fd] > 0) return;
  messages++;
  say(fd);
}

function say(fd: number) {
  missing[fd] = SIZE;
  if (trySend(fd, message) !== SIZE) throw new Error("the server does not take 64 bytes");
}
