/**
 * Lesson 00 · The two phases of a read: the client.
 *
 * Sends messages of 5 B, 64 KiB, 1 MiB and 8 MiB, each of them twice, and pauses before each: the
 * server waits meanwhile. It ends with a table of where the models of the other lessons stand.
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
who waits \\ who copies  my thread (synchronous)        the kernel (asynchronous)
----------------------  -----------------------------  ----------------------------
my thread waits         01 blocking, 02 threads        09 io-uring, asked to wait
(blocking)              for many at once: 04 select,   for a completion
                        05 poll, 06 epoll,
                        07 selectors
my thread goes on       03 nonblocking: polls          09 io-uring, looking into
(non-blocking)          08 signal-driven: is notified  its completion ring`);

async function visit(client: number): Promise<number> {
  using connection = await connectWhenReady(options);
  const message = new Uint8Array(sizes[(client - 1) >> 1]).fill("a".charCodeAt(0));
  await sleep(options.pause);
  return await ask(connection, message);
}
