/**
 * A mixed cast of clients, which takes the place of a lesson's own: `deno task lesson:03 --cast
 * silent:2,slow:1,greedy:1,normal:6`. Each role does to a server what some real clients do.
 *
 * Run:  deno run --allow-net shared/tools/lesson/cast.ts --cast silent:2,normal:6
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { castOptions, nameOf, type Role } from "../../cast.ts";
import { ask, checkReply, clientOptions, runClients, sendAll } from "../../client.ts";
import { flag } from "../../options.ts";
import { connectWhenReady } from "../../ready.ts";

/** What a client does; returns how long it waited for a reply at the most, in milliseconds. */
type Part = (connection: Deno.TcpConn, message: Uint8Array) => Promise<number>;

/** How an error of a connection ends that the server has closed. */
const CLOSED = /(the connection was closed|Connection reset by peer.*|Broken pipe.*)$/;
/** What each of them does, except for the rude ones, which do not care for a reply. */
const parts: Record<string, Part> = { normal, silent, slow, greedy };
const options = clientOptions({
  ...castOptions,
  limits: flag("the server has limits, so it may close a connection"),
});

// One after another, so that the server accepts them in this order.
const cast: { name: string; role: Role; connection: Deno.TcpConn }[] = [];
for (const role of options.cast) {
  const name = nameOf(role, cast.length + 1);
  cast.push({ name, role, connection: await connectWhenReady(options, { name }) });
}
const polite = cast.filter(({ role }) => role in parts);
const others = cast.filter(({ role }) => role === "rude");

await Promise.all([
  ...others.map(async ({ name, connection }) => {
    await rude(connection);
    console.log(`${name}: closed its connection without reading its reply`);
  }),
  runClients(polite.length, async (client) => {
    const { name, role } = polite[client - 1];
    using connection = polite[client - 1].connection;
    try {
      const waited = await parts[role](connection, new TextEncoder().encode(`hello from ${name}`));
      console.log(`${name}: reply after ${waited.toFixed(1)} ms`);
      return waited;
    } catch (error) {
      if (!options.limits || !CLOSED.test((error as Error).message)) throw error;
      console.log(`${name}: found its connection closed`);
      return 0;
    }
  }),
]);

/** Speaks now and then. */
async function normal(connection: Deno.TcpConn, message: Uint8Array): Promise<number> {
  let longest = 0;
  for (let i = 0; i < 4; i++) {
    longest = Math.max(longest, await ask(connection, message, patience()));
    await sleep(options.pause / 4);
  }
  return longest;
}

/** Says nothing for a while. */
async function silent(connection: Deno.TcpConn, message: Uint8Array): Promise<number> {
  await sleep(options.pause);
  return await ask(connection, message, patience());
}

/** Sends its message one byte at a time, as over a bad link. */
async function slow(connection: Deno.TcpConn, message: Uint8Array): Promise<number> {
  let sent = 0;
  async function drip() {
    for (let i = 0; i < message.length; i++) {
      await sleep(options.pause / message.length);
      await sendAll(connection, message.subarray(i, i + 1));
    }
    sent = performance.now();
  }
  await Promise.all([checkReply(connection, message, patience()), drip()]);
  return Math.max(0, performance.now() - sent);
}

/** Sends 8 MiB, and does not read before a while has passed. */
async function greedy(connection: Deno.TcpConn): Promise<number> {
  const message = new Uint8Array(8 * 1024 * 1024).fill("a".charCodeAt(0));
  const sent = sendAll(connection, message);
  sent.catch(() => {}); // it may be rejected during the pause, and is awaited afterwards
  await sleep(options.pause);
  const start = performance.now();
  await Promise.all([checkReply(connection, message, patience()), sent]);
  return performance.now() - start;
}

/** Sends something, and closes while the reply is unread, which resets the connection. */
async function rude(connection: Deno.TcpConn): Promise<void> {
  await sendAll(connection, new Uint8Array(60_000));
  await sleep(options.pause / 10);
  connection.close();
}

/** On some servers, each of the others comes first: that is their model, not a failure. */
function patience(): number {
  return 2 * options.pause * cast.length;
}
