/**
 * Lesson 01 · Blocking I/O: the client.
 *
 * Three clients connect. The first says nothing for a second. The other two send their message at
 * once, but their replies wait for the first client, too.
 *
 * Run:  deno run --allow-net lessons/01-blocking/client.ts
 * Try:  deno run --allow-net lessons/01-blocking/client.ts --clients 5 --pause 3000
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(3, "how many connect", 1, 9000),
  pause: number(1000, "how long the first says nothing, in milliseconds"),
  message: text("hello", "what each of them says"),
});
const message = new TextEncoder().encode(options.message);

// One after the other, so that the server accepts the silent one first.
const connections: Deno.TcpConn[] = [];
for (let client = 1; client <= options.clients; client++) {
  const start = performance.now();
  connections.push(await connectWhenReady(options));
  console.log(`client ${client}: connected after ${(performance.now() - start).toFixed(1)} ms`);
}

await runClients(options.clients, async (client) => {
  using connection = connections[client - 1];
  if (client === 1) {
    console.log(`client 1: says nothing for ${options.pause} ms`);
    await sleep(options.pause);
  }
  // The others wait for the silent client: that is the lesson, not a failure.
  const waited = await ask(connection, message, options.pause);
  console.log(`client ${client}: said ${options.message}, reply after ${waited.toFixed(1)} ms`);
  return waited;
});
