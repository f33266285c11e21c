/**
 * Lesson 18 · A thread pool: the client.
 *
 * Eight clients talk for a while, each with a thread of the server. Then eight others are connected
 * and say nothing, and each of them has a thread as well. Then one more talks.
 *
 * Run:  deno run --allow-net lessons/18-thread-pool/client.ts
 * Try:  deno run --allow-net lessons/18-thread-pool/client.ts --clients 7
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(8, "how many talk, and how many are silent after them", 1, 4000),
  pause: number(1000, "how long the silent ones say nothing, in milliseconds"),
  messages: number(5, "how many messages each of the others sends", 1),
  message: text("hello", "what they say"),
});
const { clients, pause } = options;
const message = new TextEncoder().encode(options.message);

// Each visit begins as soon as its client is connected, and gives the longest wait for a reply.
const visits: Promise<number>[] = [];
for (let i = 0; i < clients; i++) visits.push(talk(await connectWhenReady(options)));
const longest = Math.max(...await Promise.all(visits)).toFixed(1);
console.log(`${clients} clients talked, and none of them waited for more than ${longest} ms`);

// One after the other, so that the server accepts the silent ones before the last client.
for (let i = 0; i < clients; i++) visits.push(keepSilent(await connectWhenReady(options)));
console.log(`${clients} others are connected, and say nothing for ${pause} ms`);
visits.push(talkAsLast(await connectWhenReady(options)));

await runClients(visits.length, (client) => visits[client - 1]);

async function talk(connection: Deno.TcpConn): Promise<number> {
  using _ = connection;
  let longest = 0;
  for (let i = 0; i < options.messages; i++) {
    if (i > 0) await sleep(50);
    longest = Math.max(longest, await ask(connection, message, pause));
  }
  return longest;
}

async function keepSilent(connection: Deno.TcpConn): Promise<number> {
  using _ = connection;
  await sleep(pause);
  return await ask(connection, message, pause);
}

async function talkAsLast(connection: Deno.TcpConn): Promise<number> {
  const longest = await talk(connection);
  console.log(`one more talked, and waited for ${longest.toFixed(1)} ms`);
  return longest;
}
