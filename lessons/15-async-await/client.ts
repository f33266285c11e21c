/**
 * Lesson 15 · async and await: the client.
 *
 * Twenty clients at once. Each sends a megabyte, and reads the reply meanwhile. With more bytes,
 * the sockets fill up on both sides, and client and server have to send the rest later.
 *
 * Run:  deno run --allow-net lessons/15-async-await/client.ts
 * Try:  deno run --allow-net lessons/15-async-await/client.ts --clients 1 --size 1000000000
 */

import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(20, "how many clients there are at once", 1, 9000),
  size: number(1_000_000, "how many bytes each client sends", 1),
});
const message = Uint8Array.from({ length: options.size }, (_, i) => 97 + i % 26);

await runClients(options.clients, async (client) => {
  using connection = await connectWhenReady(options);
  const waited = await ask(connection, message);
  console.log(`client ${client}: sent ${options.size} bytes, reply after ${waited.toFixed(1)} ms`);
  return waited;
});
