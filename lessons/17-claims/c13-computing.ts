/**
 * Lesson 17 · What people say: C13, about coroutines in one thread.
 *
 * A server whose clients are coroutines, `async` functions here. First ten clients ask it to wait
 * for 0.1 s each, then one asks it to compute for 0.3 s while the others want nothing but a reply.
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
await replies(() => NOTHING); // now all are accepted

const waiting = await replies(() => WAIT);
const computing = await replies((client) => client === 0 ? COMPUTE : NOTHING);

for (const client of clients) client.close();
listener.close();
await serving;

const together = Math.max(...waiting);
const least = Math.min(...computing.slice(1));
conclude(
  "C13",
  [
    `${CLIENTS} clients that wait for 100 ms each: served after ${together.toFixed(0)} ms together`,
    `1 that computes for 300 ms: each of the others waited for ${least.toFixed(0)} ms or more`,
  ],
  together < 500 && least > 200
    ? "it depends on what they do: true while they wait, false while one of them computes"
    : together < 500
    ? "true: neither waiting nor computing held up the others"
    : "false: not even waiting clients were served at the same time",
);

async function acceptAll() {
  for await (const connection of listener) serve(connection);
}

async function serve(connection: Deno.Conn) {
  const request = new Uint8Array(1);
  while (await connection.read(request) !== null) {
    if (request[0] === WAIT) await sleep(100);
    if (request[0] === COMPUTE) compute(300);
    await connection.write(request);
  }
  connection.close();
}

/** Something that never awaits, so that nobody else gets a turn. */
function compute(milliseconds: number) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Each client sends its request; how long each of them waits for the reply, in milliseconds. */
function replies(requestOf: (client: number) => number): Promise<number[]> {
  return Promise.all(clients.map(async (client, i) => {
    const start = performance.now();
    await client.write(Uint8Array.of(requestOf(i)));
    await client.read(new Uint8Array(1));
    return performance.now() - start;
  }));
}
