/**
 * Lesson 14 · Greenlets: the client.
 *
 * Twenty clients at once. Every fourth says nothing for a second. Each is answered as soon as it
 * says hello: a greenlet that waits for a silent client does not hold up the others.
 *
 * Run:  deno run --allow-net lessons/14-greenlets/client.ts
 * Try:  deno run --allow-net lessons/14-greenlets/client.ts --clients 8 --pause 3000
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(20, "how many there are at once", 1, 9000),
  pause: number(1000, "milliseconds for which every fourth says nothing"),
  message: text("hello", "what each of them says"),
});

await runClients(options.clients, async (client) => {
  using connection = await connectWhenReady(options);
  const silent = client % 4 === 1;
  if (silent) await sleep(options.pause);
  // Each says something else, so that a reply to another client would be noticed.
  const message = `${options.message} from ${client}`;
  const waited = await ask(connection, new TextEncoder().encode(message));
  const first = silent ? `nothing for ${options.pause} ms, then ` : "";
  console.log(`client ${client}: said ${first}${message}, reply after ${waited.toFixed(1)} ms`);
  return waited;
});
