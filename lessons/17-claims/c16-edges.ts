/**
 * Lesson 17 · What people say: C16, about edge-triggered epoll.
 *
 * Ten bytes arrive, one after another, and none is ever read: the socket is never drained. How
 * often does epoll report it, and does it report it when nothing has arrived?
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c16-edges.ts
 * Man:  epoll(7), the section "Level-triggered and edge-triggered"
 */

import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_wait,
  EPOLLET,
  EpollEvents,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import { send } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const TIMES = 10;
const events = new EpollEvents(1);
const [{ client, server }] = connectPairs(1);
const epoll = epoll_create1();
epoll_ctl(epoll, EPOLL_CTL_ADD, server, EPOLLIN | EPOLLET);

let [afterArrivals, inBetween] = [0, 0];
for (let i = 0; i < TIMES; i++) {
  send(client, new Uint8Array(1)); // on loopback, it has arrived when this returns
  afterArrivals += epoll_wait(epoll, events, 100);
  inBetween += epoll_wait(epoll, events, 0);
}

conclude(
  "C16",
  [
    `${TIMES} bytes arrived one by one, and none was read`,
    `reported after an arrival: ${afterArrivals} times`,
    `reported when nothing had arrived: ${inBetween} times`,
  ],
  afterArrivals === TIMES && inBetween === 0
    ? "false: it reports each arrival, drained or not; it does not report again what is left"
    : "true: it reported the socket once, and not again",
);
