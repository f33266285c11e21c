/**
 * Lesson 20 · A loop for each core: the client.
 *
 * Ten clients connect, and go when each has said hello and received its reply. Then a thousand do
 * the same. The server prints how many of them each of its loops had.
 *
 * Run:  deno run --allow-ffi --allow-net lessons/20-loop-per-core/client.ts
 * Try:  deno run --allow-ffi --allow-net lessons/20-loop-per-core/client.ts --few 4 --clients 5000
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { raiseDescriptorLimit } from "../../shared/linux/descriptors.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  few: number(10, "how many come and go first", 1, 1000),
  clients: number(1000, "how many come then", 1, 100_000),
  message: text("hello", "what each of them says"),
});
const message = new TextEncoder().encode(options.message);

// Each client needs one descriptor here and one in the server, and both need some of their own.
const most = raiseDescriptorLimit() - 100;

for (const wanted of [options.few, options.clients]) {
  const clients = Math.max(0, Math.min(wanted, most));
  if (clients < wanted) {
    console.log(`only ${clients} clients: the limit of descriptors (ulimit -Hn) allows no more`);
    if (clients === 0) Deno.exit(1);
  }
  // One after another: on a real server, clients do not connect at the same moment either.
  const connections: Deno.TcpConn[] = [];
  while (connections.length < clients) connections.push(await connectWhenReady(options));
  await runClients(clients, (client) => ask(connections[client - 1], message), 100);
  // They go together, so that the server prints how many there were.
  for (const connection of connections) connection.close();
  await sleep(100);
}
