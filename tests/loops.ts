/**
 * Servers with four event loops: how many clients each loop gets, and how many loops wake up when
 * one connects.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { connect, say } from "../shared/tools/check/clients.ts";
import type { Subject } from "../shared/tools/check/server.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";
import { readThreads } from "../shared/tools/process/proc.ts";

/** How many loops there are. */
export const LOOPS = 4;

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
  for (let i = 0; i < 1000 && sleeping(child) < LOOPS; i++) await delay(10);
  const dispose = () => child[Symbol.asyncDispose]();
  return { child, address: { host: "127.0.0.1", port }, lines, [Symbol.asyncDispose]: dispose };
}

/** The numbers of epoll_wait on x86-64, and of epoll_pwait there and on arm64. */
const EPOLL_WAIT = ["232", "281", "22"];

/** How many loops sleep in epoll_wait. */
function sleeping(child: Child): number {
  return loopThreads(child, "syscall").filter((call) => EPOLL_WAIT.includes(call.split(" ")[0]))
    .length;
}

/** A file in /proc of each thread that has a loop. */
function loopThreads({ pid }: Child, file: string): string[] {
  return [...readThreads(pid, "comm", file).values()].filter(([name]) => name.startsWith("worker-"))
    .map(([, text]) => text);
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

/**
 * How many loops the kernel wakes up for each client that connects. A thread that sleeps again has
 * given up its core, which the kernel counts, even if epoll_wait did not return in between.
 */
export async function loopsWokenByConnect(subject: Subject): Promise<number> {
  const CLIENTS = 40;
  await using server = await startLoops(subject);
  const { child, address } = server;
  using stack = new DisposableStack();
  const before = sleeps(child);
  for (let i = 0; i < CLIENTS; i++) {
    stack.use(await connect(address)); // it says nothing, which would wake up a loop as well
    await delay(20);
  }
  return (sleeps(child) - before) / CLIENTS;
}

/** How often the threads that have a loop have gone to sleep so far. */
function sleeps(child: Child): number {
  const field = /^voluntary_ctxt_switches:\s+(\d+)/m;
  return sum(loopThreads(child, "status").map((status) => Number(field.exec(status)![1])));
}

function sum(numbers: number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
