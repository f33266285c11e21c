/**
 * Lesson 21 · Computing off the loop: the client.
 *
 * Two clients send a message with work at the same time. Ten others want no more than a reply, five
 * times in a row. How long does each kind wait?
 *
 * Run:  deno run --allow-net lessons/21-computing/client.ts
 * Try:  deno run --allow-net lessons/21-computing/client.ts --work 8
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  work: number(2, "how many send a message with work", 0, 1000),
  clients: number(10, "how many others there are", 1, 1000),
  messages: number(5, "how many messages each of the others sends", 1),
  pause: number(50, "how long these pause before each, in milliseconds"),
  message: text("hello", "what they say"),
});
const encoder = new TextEncoder();
const all = options.work + options.clients;
const connections = await Promise.all(
  Array.from({ length: all }, () => connectWhenReady(options)),
);

await runClients(all, async (client) => {
  using connection = connections[client - 1];
  if (client <= options.work) {
    const waited = await ask(connection, encoder.encode(`work ${client}`));
    console.log(`client ${client}: sent work, reply after ${waited.toFixed(1)} ms`);
    return waited;
  }
  let longest = 0;
  for (let i = 0; i < options.messages; i++) {
    await sleep(options.pause);
    longest = Math.max(longest, await ask(connection, encoder.encode(options.message)));
  }
  console.log(
    `client ${client}: ${options.messages} replies, each within ${longest.toFixed(1)} ms`,
  );
  return longest;
});
