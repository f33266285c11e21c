/**
 * Lesson 23 · A chat room: what it costs to pass a line on.
 *
 * A line goes to 10, 100 and 1,000 clients: first with one send for each line and client, then with
 * sixteen lines gathered for one send to each client. Measures the CPU time of this thread.
 *
 * Run:  deno run --allow-ffi lessons/23-chat/fanout.ts
 * Man:  send(2), clock_gettime(2)
 */

import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  tryRecv,
} from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "../../shared/linux/time.ts";
import { Member } from "./chat.ts";
import { flush } from "./flush.ts";

const GATHERED = 16; // lines
const DELIVERIES = 64_000; // in each measurement
const ROUNDS = 5;

const line = new TextEncoder().encode(`anna: ${"x".repeat(57)}\n`);
const scratch = new Uint8Array(64 * 1024);
const listener = listenTcp({ host: "127.0.0.1", port: 0 });
const clients: number[] = [];
const members: Member<number>[] = [];

console.log(`a line of ${line.length} bytes, in µs of CPU time for each client that gets it`);
console.log("clients  a send for each line  lines gathered by 16  a line to all, in all");
for (const size of [10, 100, 1000]) {
  while (clients.length < size) {
    const client = socket(AF_INET, SOCK_STREAM);
    connect(client, getsockname(listener)); // the kernel completes it without our accept
    clients.push(client);
    members.push(new Member(accept4(listener, SOCK_NONBLOCK)));
  }
  const [single, gathered] = [medianCost(1), medianCost(GATHERED)];
  const toAll = [single, gathered].map((cost) => (cost * size).toFixed(0).padStart(5)).join(" or");
  console.log(
    `${size.toLocaleString("en").padStart(7)}${single.toFixed(2).padStart(22)}` +
      `${gathered.toFixed(2).padStart(22)}${toAll.padStart(18)} µs`,
  );
}

/** The CPU time of one delivery, in microseconds, where so many lines go out together. */
function medianCost(together: number): number {
  const costs = Array.from({ length: ROUNDS + 1 }, () => costOf(together)).slice(1);
  return costs.sort((a, b) => a - b)[ROUNDS >> 1];
}

function costOf(together: number): number {
  let [time, deliveries] = [0, 0];
  while (deliveries < DELIVERIES) {
    const start = clock_gettime(CLOCK_THREAD_CPUTIME_ID);
    for (let sent = 0; sent < GATHERED; sent += together) {
      for (const member of members) {
        for (let i = 0; i < together; i++) member.outbox.put(line);
        flush(member);
      }
    }
    time += clock_gettime(CLOCK_THREAD_CPUTIME_ID) - start;
    deliveries += GATHERED * members.length;
    // What the clients do is not measured. MSG_TRUNC discards what has arrived.
    for (const client of clients) {
      tryRecv(client, scratch, scratch.length, MSG_TRUNC | MSG_DONTWAIT);
    }
  }
  return time * 1000 / deliveries;
}
