/**
 * Lesson 19 · Processes: the client.
 *
 * Five clients, for a server with four children: the last one waits in the kernel's queue. After
 * two messages, client 1 sends one that kills the child which serves it. The others do not notice,
 * and the last one is served by the child that takes its place.
 *
 * Run:  deno run --allow-net lessons/19-processes/client.ts
 * Try:  deno run --allow-net lessons/19-processes/client.ts --clients 8 --deaths 4
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients, sendAll } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(5, "how many connect", 1, 1000),
  deaths: number(1, "how many of them kill the child that serves them", 0, 1000),
  messages: number(8, "how many messages each of the others sends", 1),
  pause: number(100, "milliseconds between two messages of a client"),
  message: text("hello", "what they say"),
  crash: text("die", "what kills a child, if the server was started with the same --crash"),
});
const [message, crash] = [options.message, options.crash].map((t) => new TextEncoder().encode(t));

// One after another, so that the first ones are served first.
const connections: Deno.TcpConn[] = [];
while (connections.length < options.clients) connections.push(await connectWhenReady(options));

await runClients(options.clients, async (client) => {
  using connection = connections[client - 1];
  const kills = client <= options.deaths;
  const waits: number[] = [];
  for (let left = kills ? 2 : options.messages; left > 0; left--) {
    waits.push(await ask(connection, message));
    await sleep(options.pause);
  }
  const longest = Math.max(...waits);
  console.log(
    `client ${client}: ${waits.length} replies, the longest wait ${longest.toFixed(1)} ms`,
  );
  if (kills) await kill(client, connection);
  return longest;
});

async function kill(client: number, connection: Deno.TcpConn) {
  await sendAll(connection, crash);
  // The kernel closes the sockets of a process that has been killed, like all of its descriptors.
  const length = await connection.read(new Uint8Array(100)).catch(() => null);
  const seen = length === null ? "the connection was closed" : "there was a reply: no --crash?";
  console.log(`client ${client}: said ${options.crash}, and ${seen}`);
}
