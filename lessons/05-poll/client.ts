/**
 * Lesson 05 · poll: the client.
 *
 * Eleven hundred clients at once, more than select could watch. Each says hello, does something
 * else for a second, and then finds its reply waiting.
 *
 * Run:  deno run --allow-net lessons/05-poll/client.ts
 * Try:  deno run --allow-net lessons/05-poll/client.ts --clients 5000
 */

import { setTimeout as sleep } from "node:timers/promises";
import { checkReply, clientOptions, runClients, sendAll } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(1100, "how many there are at once", 1, 9000),
  pause: number(1000, "milliseconds between what they say and when they read the reply"),
  message: text("hello", "what each of them says"),
});
const message = new TextEncoder().encode(options.message);

await runClients(options.clients, async (client) => {
  using connection = await connectWhenReady(options);
  await sendAll(connection, message);
  await sleep(options.pause);
  const waited = await checkReply(connection, message);
  if (client % 100 === 0) console.log(`client ${client}: reply after ${waited.toFixed(1)} ms`);
  return waited;
});
