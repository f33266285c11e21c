/**
 * Lesson 24 · Zero copy: the client.
 *
 * A few clients at once. Each sends message after message through the proxy, and checks every byte
 * of the replies, which come from the server behind it.
 *
 * Run:  deno run --allow-net lessons/24-zero-copy/client.ts
 * Try:  deno run --allow-net lessons/24-zero-copy/client.ts --messages 4000 --size 64
 */

import { ask, clientOptions, runClients } from "../../shared/client.ts";
import { number } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(4, "how many there are at once", 1, 4000),
  messages: number(250, "how many messages each of them sends", 1),
  size: number(65536, "how many bytes a message has", 1, 16 * 1024 * 1024),
});
const message = new Uint8Array(options.size).fill("a".charCodeAt(0));

await runClients(options.clients, async (client) => {
  using connection = await connectWhenReady(options);
  let longest = 0;
  for (let i = 0; i < options.messages; i++) {
    longest = Math.max(longest, await ask(connection, message));
  }
  console.log(
    `client ${client}: ${options.messages} replies, each within ${longest.toFixed(1)} ms`,
  );
  return longest;
});
