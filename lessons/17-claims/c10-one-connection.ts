/**
 * Lesson 17 · What people say: C10, about how many connections multiplexing is for.
 *
 * A message has arrived on each of 1, 10 and 100 connections. How many system calls and how much
 * time does it take to find the messages with epoll and to receive them? A recv alone is one call
 * for each, but needs to know which socket is ready. (MSG_PEEK keeps them for the next turn.)
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c10-one-connection.ts
 * Man:  epoll_wait(2), recv(2)
 */

import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { MSG_PEEK, send, tryRecv } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { cpuTime, oneDigit } from "./timing.ts";
import { conclude } from "./verdict.ts";

const MESSAGES = 2000;
const buffer = new Uint8Array(64);
const events = new EpollEvents(100);

const rows = [1, 10, 100].map((size) => {
  const sockets = connectPairs(size).map(({ client, server }) => {
    send(client, buffer);
    return server;
  });
  const epoll = epoll_create1();
  for (const fd of sockets) epoll_ctl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);

  const blocking = cpuTime(() => {
    for (let i = 0; i < MESSAGES; i++) tryRecv(sockets[i % size], buffer, 64, MSG_PEEK);
  }) / MESSAGES;

  let [calls, messages] = [0, 0];
  const multiplexing = cpuTime(() => {
    for (let turn = 0; turn < MESSAGES / size; turn++) {
      const ready = epoll_wait(epoll, events, -1);
      for (let i = 0; i < ready; i++) tryRecv(events.fd(i), buffer, 64, MSG_PEEK);
      calls += 1 + ready;
      messages += ready;
    }
  }) / MESSAGES;
  return { size, calls: calls / messages, blocking, multiplexing };
});

const [one, , hundred] = rows;
conclude(
  "C10",
  rows.map(({ size, calls, blocking, multiplexing }) =>
    `${`${size}`.padStart(3)} ready: ${calls.toFixed(2)} calls for each message, ` +
    `${oneDigit(multiplexing)} µs; recv alone 1 call, ${oneDigit(blocking)} µs`
  ),
  one.calls === 2 && hundred.calls < 1.1
    ? `true: it doubles the calls for one connection, and adds ${
      (100 * (hundred.calls - 1)).toFixed(0)
    } % for a hundred ready ones`
    : "false: with more connections, it did not need fewer calls for each",
);
