/**
 * Lesson 00 · The two phases of a read: the client.
 *
 * Sends messages of 5 B, 64 KiB, 1 MiB and 8 MiB, two of each, and pauses before every one while
 * the server waits. Then it prints a table that shows where each of the other lessons belongs.
 *
 * Run:  deno run --allow-net lessons/00-two-phases/client.ts
 * Try:  deno run --allow-net lessons/00-two-phases/client.ts --pause 1000
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  pause: number(100, "milliseconds before each message"),
});
const sizes = [5, 64 * 1024, 1024 * 1024, 8 * 1024 * 1024];

// One client after the other: each message is a connection of its own.
await runClients(2 * sizes.length, visit, 1);

console.log(`
phase 1 \\ phase 2     my thread copies (synchronous)  the kernel copies (asynchronous)
--------------------  ------------------------------  --------------------------------
my thread waits       01 blocking, 02 threads;        09 io-uring, waiting for a
(blocking)            on many sockets at once:        completion
                      04 select, 05 poll, 06 epoll,
                      07 selectors
my thread goes on     03 nonblocking polls,           09 io-uring, looking into its
(non-blocking)        08 signal-driven is notified    completion ring`);

async function visit(client: number): Promise<number> {
  using connection = await connectWhenReady(options);
  const message = new Uint8Array(sizes[(client - 1) >> 1]).fill("a".charCodeAt(0));
  await sleep(options.pause);
  return await ask(connection, message);
}
