/**
 * Lesson 09 · io_uring: the client.
 *
 * Twenty clients at once. Each connects, says hello, stays for a second, and measures how long it
 * waited for its reply.
 *
 * Run:  deno run --allow-net lessons/09-io-uring/client.ts
 * Try:  deno run --allow-net lessons/09-io-uring/client.ts --clients 5000
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(20, "how many there are at once", 1, 9000),
  pause: number(1000, "how long each of them stays, in milliseconds"),
  message: text("hello", "what each of them says"),
});
const message = new TextEncoder().encode(options.message);

await runClients(options.clients, async (client) => {
  using connection = await connectWhenReady(options);
  const [waited] = await Promise.all([ask(connection, message), sleep(options.pause)]);
  console.log(`client ${client}: said ${options.message}, reply after ${waited.toFixed(1)} ms`);
  return waited;
});
