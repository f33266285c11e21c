/**
 * Lesson 17 · What people say: C21, about io_uring and epoll.
 *
 * A message of 64 B has arrived on each of 1, 10 and 100 connections. Receives them with epoll_wait
 * and a recv for each, and with io_uring, in one system call for all of them. The time for sending
 * is not counted.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c21-uring-or-epoll.ts
 * Man:  io_uring(7), epoll(7)
 */

import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { MappedMemory } from "../../shared/linux/memory.ts";
import { send, tryRecv } from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";
import { median } from "../16-comparison/statistics.ts";
import { connectPairs } from "./pairs.ts";
import { makeRing } from "./ring.ts";
import { conclude } from "./verdict.ts";

const TURNS = 400;
using ring = makeRing("C21");

const message = new Uint8Array(64);
const places = Array.from({ length: 100 }, () => new MappedMemory(64));
const events = new EpollEvents(100);

const rows = [1, 10, 100].map((size) => {
  const pairs = connectPairs(size);
  const epoll = epoll_create1();
  for (const { server } of pairs) epoll_ctl(epoll, EPOLL_CTL_ADD, server, EPOLLIN);
  const times: [number[], number[]] = [[], []];

  for (let turn = 0; turn < TURNS; turn++) {
    [withEpoll, withUring].forEach((receive, model) => {
      for (const { client } of pairs) send(client, message);
      const start = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
      receive();
      times[model].push(1000 * (clock_gettime(CLOCK_THREAD_CPUTIME_ID) - start) / size);
    });
  }
  const [ofEpoll, ofUring] = times.map(median);
  return { size, ofEpoll, ofUring, ratio: ofUring / ofEpoll };

  function withEpoll() {
    const ready = epoll_wait(epoll, events, -1);
    for (let i = 0; i < ready; i++) tryRecv(events.fd(i), places[0].bytes);
  }

  function withUring() {
    pairs.forEach(({ server }, i) => ring.recv(server, places[i]));
    ring.submitAndWait(size);
    ring.forEachCompletion(() => {});
  }
});

const [one, , hundred] = rows.map(({ ratio }) => ratio);
conclude(
  "C21",
  rows.map(({ size, ofEpoll, ofUring }) =>
    `${`${size}`.padStart(3)} ready: epoll ${ofEpoll.toFixed(2)} µs of CPU time for each, ` +
    `io_uring ${ofUring.toFixed(2)} µs`
  ),
  one > 0.9 && hundred < 0.9
    ? `it depends on how many are ready: ${one.toFixed(2)} times the cost for 1, ${
      hundred.toFixed(2)
    } for 100`
    : Math.max(one, hundred) > 0.9
    ? "false: it was never cheaper by a tenth"
    : "true: it was cheaper for each number",
);
