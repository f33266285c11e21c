/**
 * Lesson 02 · A thread for each client: the client.
 *
 * The same three clients as in lesson 01. The first says nothing for a second, and the others do
 * not notice, since the server has a thread for each.
 *
 * Run:  deno run --allow-net lessons/02-threads/client.ts
 * Try:  deno run --allow-net lessons/02-threads/client.ts --clients 50
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(3, "how many connect; the server starts at most 100 threads", 1, 100),
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

// All clients stay until each has its reply, so that all threads exist at the same time.
const allServed = Promise.withResolvers<void>();
let waiting = options.clients;

await runClients(options.clients, async (client) => {
  using connection = connections[client - 1];
  if (client === 1) {
    console.log(`client 1: says nothing for ${options.pause} ms`);
    await sleep(options.pause);
  }
  const waited = await ask(connection, message, options.pause).finally(() => {
    if (--waiting === 0) allServed.resolve();
  });
  console.log(`client ${client}: said ${options.message}, reply after ${waited.toFixed(1)} ms`);
  await allServed.promise;
  return waited;
});
