/**
 * Lesson 22 · A server's life: the client.
 *
 * The first client says nothing, and the second sends one byte at a time, without end: either would
 * hold a place forever. The others say hello, stay for a while, say it again, and go. If the server
 * has a limit, some of these have to wait until others have gone.
 *
 * Run:  deno run --allow-net lessons/22-lifetime/client.ts
 * Try:  deno run --allow-net lessons/22-lifetime/client.ts --clients 30 --pause 100
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients, WrongReply } from "../../shared/client.ts";
import { number } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  clients: number(10, "how many there are: a silent one, a slow one, and others", 1, 1000),
  pause: number(300, "how many ms the others stay"),
  every: number(100, "how many ms the slow one pauses after each byte", 1),
  patience: number(3000, "how many ms the first two stay if they may", 1),
});
const message = new TextEncoder().encode("hello");
const BYTE = message.subarray(0, 1);

await runClients(options.clients, async (client) => {
  using connection = await connectWhenReady(options);
  if (client === 1) return await stay(connection, "client 1: said nothing");
  if (client === 2) return await stay(connection, "client 2: sent bytes slowly", options.every);
  const waited = await ask(connection, message);
  console.log(`client ${client}: said hello, reply after ${waited.toFixed(1)} ms`);
  await sleep(options.pause);
  return Math.max(waited, await ask(connection, message));
});

/** Stays until the server closes the connection, or until patience ends; says a byte at times. */
async function stay(connection: Deno.Conn, who: string, every?: number): Promise<number> {
  const start = performance.now();
  const timer = every && setInterval(() => connection.write(BYTE).catch(() => {}), every);
  const patience = sleep(options.patience, "still connected", { ref: false });
  const state = await Promise.race([untilClosed(connection), patience]);
  clearInterval(timer);
  console.log(`${who}, ${state} after ${(performance.now() - start).toFixed(0)} ms`);
  return 0;
}

async function untilClosed(connection: Deno.Conn): Promise<string> {
  const reply = new Uint8Array(1);
  // A byte that was on its way when the server closed is answered with a reset.
  while (await connection.read(reply).catch(() => null) !== null) {
    if (reply[0] !== BYTE[0] - 32) throw new WrongReply("a byte is wrong");
  }
  return "closed";
}
