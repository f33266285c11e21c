/**
 * Lesson 06 · epoll: the client.
 *
 * Five thousand clients are connected. Most of them say nothing, as on most servers, and a hundred
 * talk all the time. At the end each of the 5,000 says hello, to show that none was forgotten.
 *
 * Run:  deno run --allow-ffi --allow-net lessons/06-epoll/client.ts
 * Try:  deno run --allow-ffi --allow-net lessons/06-epoll/client.ts --clients 9000 --active 10
 */

import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { raiseDescriptorLimit } from "../../shared/linux/descriptors.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(5000, "how many are connected", 1, 100_000),
  active: number(100, "how many of them talk", 0),
  messages: number(100, "how many messages each of these sends"),
  message: text("hello", "what they say"),
});
const message = new TextEncoder().encode(options.message);

// Each client needs one descriptor here and one in the server, and both need some of their own.
const clients = Math.max(0, Math.min(options.clients, raiseDescriptorLimit() - 100));
if (clients < options.clients) {
  console.log(`only ${clients} clients: the limit of descriptors (ulimit -Hn) allows no more`);
  if (clients === 0) Deno.exit(1);
}
const active = Math.min(options.active, clients);

// One after another: on a real server, 5,000 clients do not connect at the same moment either.
const connections: Deno.TcpConn[] = [];
while (connections.length < clients) connections.push(await connectWhenReady(options));
console.log(`${clients} clients are connected, and ${active} of them talk`);

await Promise.all(
  connections.slice(0, active).map(async (connection) => {
    for (let i = 0; i < options.messages; i++) {
      await ask(connection, message);
    }
  }),
);
console.log(`each of these received ${options.messages} replies; now all clients say hello`);

await runClients(clients, async (client) => {
  using connection = connections[client - 1];
  return await ask(connection, message);
}, 100);
