/**
 * Lesson 08 · Signal-driven I/O: the client.
 *
 * A hundred bursts: ten clients send a message at the same moment, and receive their replies.
 *
 * Run:  deno run --allow-net lessons/08-signal-driven/client.ts
 * Try:  deno run --allow-net lessons/08-signal-driven/client.ts --clients 100
 */

import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(10, "how many there are at once", 1, 9000),
  bursts: number(100, "how many messages each of them sends", 1),
  message: text("hello", "what they say"),
});
const message = new TextEncoder().encode(options.message);

await runClients(options.clients, async () => {
  using connection = await connectWhenReady(options);
  let longest = 0;
  for (let burst = 0; burst < options.bursts; burst++) {
    longest = Math.max(longest, await ask(connection, message));
  }
  return longest;
});
