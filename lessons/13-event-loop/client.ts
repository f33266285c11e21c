/**
 * Lesson 13 · An event loop: the client.
 *
 * Twenty clients at once. Each sends five lines, with a pause before each of them, so most of the
 * time all clients are in the middle of a conversation.
 *
 * Run:  deno run --allow-net lessons/13-event-loop/client.ts
 * Try:  deno run --allow-net lessons/13-event-loop/client.ts --clients 1000 --pause 500
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(20, "how many there are at once", 1, 9000),
  lines: number(5, "how many lines each of them sends", 1),
  pause: number(200, "milliseconds before each of these"),
});

await runClients(options.clients, async (client) => {
  using connection = await connectWhenReady(options);
  let longest = 0;
  for (let line = 1; line <= options.lines; line++) {
    await sleep(options.pause);
    const message = new TextEncoder().encode(`line ${line} of client ${client}\n`);
    longest = Math.max(longest, await ask(connection, message));
  }
  console.log(`client ${client}: ${options.lines} replies, each within ${longest.toFixed(1)} ms`);
  return longest;
});
