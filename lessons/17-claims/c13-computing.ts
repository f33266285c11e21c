/**
 * Lesson 17 · What people say: C13, about coroutines in one thread.
 *
 * Concurrent means that several tasks are under way at the same time; parallel means that several
 * run at the same instant. Here, a server runs an `async` function for each client. Do their waits
 * overlap? Do their computations? And how long do those that only want a reply have to wait?
 *
 * Run:  deno run --allow-net lessons/17-claims/c13-computing.ts
 */

import { setTimeout as sleep } from "node:timers/promises";
import { conclude } from "./verdict.ts";

const [WAIT, COMPUTE, NOTHING] = [1, 2, 3];
const CLIENTS = 10;

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const serving = acceptAll();
const clients = await Promise.all(
  Array.from({ length: CLIENTS }, () => Deno.connect({ port: listener.addr.port })),
);
await replies(() => NOTHING); // after this, all clients are accepted

const waiting = await replies(() => WAIT);
const computing = await replies((client) => client < 2 ? COMPUTE : NOTHING);

for (const client of clients) client.close();
listener.close();
await serving;

const together = Math.max(...waiting);
const two = Math.max(...computing.slice(0, 2));
const others = Math.min(...computing.slice(2));
conclude(
  "C13",
  [
    `${CLIENTS} clients that wait for 100 ms each: all served after ${together.toFixed(0)} ms`,
    `2 clients that compute for 200 ms each: both served after ${two.toFixed(0)} ms`,
    `the others, which only want a reply: served after ${others.toFixed(0)} ms or more`,
  ],
  together > 500
    ? "false: their waits did not overlap"
    : two > 390
    ? "true: their waits overlap; it is not parallel, so their computations do not"
    : "true: their waits overlap, and so do their computations",
);

async function acceptAll() {
  for await (const connection of listener) serve(connection);
}

async function serve(connection: Deno.Conn) {
  const request = new Uint8Array(1);
  while (await connection.read(request) !== null) {
    if (request[0] === WAIT) await sleep(100);
    if (request[0] === COMPUTE) compute(200);
    await connection.write(request);
  }
  connection.close();
}

/** Never awaits, so no other coroutine gets a turn meanwhile. */
function compute(milliseconds: number) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Sends a request from each client; returns how long each reply took, in milliseconds. */
function replies(requestOf: (client: number) => number): Promise<number[]> {
  return Promise.all(clients.map(async (client, i) => {
    const start = performance.now();
    await client.write(Uint8Array.of(requestOf(i)));
    await client.read(new Uint8Array(1));
    return performance.now() - start;
  }));
}
