/**
 * Servers with four event loops: how many clients each loop gets.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { connect, say } from "../shared/tools/check/clients.ts";
import { LOOPS, sleepingLoops } from "../shared/tools/check/scenarios/sharing.ts";
import type { Subject } from "../shared/tools/check/server.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";

/** A running server. */
export interface Loops extends AsyncDisposable {
  /** Its process. */
  child: Child;
  /** Where it listens. */
  address: { host: string; port: number };
  /** What it has printed so far, without its first line. */
  lines: string[];
}

/** Starts a server with four loops, and waits until each of them is ready. */
export async function startLoops(subject: Subject, more: string[] = []): Promise<Loops> {
  const { script, permissions, args = [] } = subject;
  const options = [...args, "--port", "0", "--loops", String(LOOPS), ...more];
  const lines: string[] = [];
  const child = new Child(denoRun(script, permissions, options), {
    onLine: (line) => lines.push(line),
  });
  const port = await child.listening();
  assert(port !== undefined, child.errors.join("\n"));
  for (let i = 0; i < 1000 && sleepingLoops(child.pid) < LOOPS; i++) await delay(10);
  const dispose = () => child[Symbol.asyncDispose]();
  return { child, address: { host: "127.0.0.1", port }, lines, [Symbol.asyncDispose]: dispose };
}

/** Lets clients say hello, all of them connected at once, and returns how many each loop had. */
export async function clientsByLoop(subject: Subject, clients: number): Promise<number[]> {
  await using server = await startLoops(subject, ["--connections", String(clients)]);
  const { child, address, lines } = server;
  const connections: Deno.TcpConn[] = [];
  for (let i = 0; i < clients; i++) connections.push(await connect(address));
  for (const connection of connections) await say(connection);
  for (const connection of connections) connection.close();
  const { code } = await deadline(child.ended, 10_000);
  assertEquals([code, child.errors], [0, []]);
  const reports = lines.map((line) => /^\d+ connections, by loop: ([\d, ]+);/.exec(line)?.[1]);
  const byLoop = reports.filter((report) => report !== undefined)
    .map((report) => report.split(", ").map(Number));
  return Array.from({ length: LOOPS }, (_, i) => sum(byLoop.map((counts) => counts[i])));
}

function sum(numbers: number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
