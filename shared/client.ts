/**
 * What all clients have in common: their options, asking and checking the answer, and a last line
 * that says how it went.
 *
 * The clients are written with promises, since only the servers are what the lessons are about.
 *
 * @module
 */

import type { Address } from "./linux/socket.ts";
import { HOST, number, type Options, parseOptions, TRACE, type Values } from "./options.ts";
import { shout } from "./shout.ts";
import { clients, traceClients } from "./tools/trace/clients.ts";
import { openTrace } from "./tools/trace/file.ts";

const CLIENT = {
  host: HOST,
  port: number(8080, "port of the server", 1, 65535),
  trace: { ...TRACE, help: "tell what each client does, on stderr or in this file" },
};

/**
 * Reads a client's command line: `--host`, `--port`, `--trace`, `--help`, and what its scenario
 * needs. From here on, a failure that nobody handles, such as a server that is not there, ends the
 * script with exit code 1 and one line; only a fault of the script itself still shows where it
 * happened.
 */
export function clientOptions<Extra extends Options = Record<never, never>>(
  extra: Extra = {} as Extra,
): Address & Values<Extra> {
  addEventListener("unhandledrejection", ({ reason }) => {
    if (reason instanceof TypeError || reason instanceof RangeError) return;
    console.error(reason.message);
    Deno.exit(1);
  });
  const { trace, ...options } = parseOptions<Options>({ ...CLIENT, ...extra });
  if (trace) traceClients(openTrace(trace, "client"));
  return options as Address & Values<Extra>;
}

/** Sends all of a message, however often that takes. */
export async function sendAll(connection: Deno.Conn, message: Uint8Array): Promise<void> {
  const client = clients?.of(connection);
  client?.begin("send");
  let sent = 0;
  try {
    while (sent < message.length) sent += await connection.write(message.subarray(sent));
  } finally {
    client?.end("send", { bytes: sent });
  }
}

/** How long a reply may take, in milliseconds. */
const PATIENCE = 30_000;

/**
 * Waits for the whole reply to a message, in however many pieces it comes, and checks it. After 30
 * s without the whole of it, it is given up.
 *
 * @returns How long that took, in milliseconds.
 * @throws {Error} if the reply ends too early, does not come, or has a wrong byte.
 */
export async function checkReply(connection: Deno.Conn, message: Uint8Array): Promise<number> {
  const start = performance.now();
  const expected = shout(new Uint8Array(message));
  const piece = new Uint8Array(64 * 1024);
  let received = 0;
  let reason = "";
  const client = clients?.of(connection);
  client?.begin("wait for the reply");
  const timer = setTimeout(() => {
    reason = `no more came within ${PATIENCE / 1000} s`;
    connection.close(); // which ends the read below
  }, PATIENCE);
  try {
    while (received < expected.length) {
      const length = await connection.read(piece);
      if (length === null) throw new Error("the connection was closed");
      for (let i = 0; i < length; i++, received++) {
        if (piece[i] !== expected[received]) throw new Error("a byte is wrong");
      }
    }
    return performance.now() - start;
  } catch (error) {
    reason ||= (error as Error).message;
    throw new Error(
      `the reply is right for ${received} of ${expected.length} bytes, then ${reason}`,
    );
  } finally {
    clearTimeout(timer);
    client?.end("wait for the reply", { bytes: received });
  }
}

/**
 * Lets `count` clients visit the server and prints how it went, also if one fails: the others go
 * on. A reply that is wrong or missing gives exit code 1; where many fail for the same reason, it
 * is told of the first three.
 *
 * @param visit What a client does; gets its number, from 1 on, and returns how long it waited for
 *   its reply, in milliseconds.
 * @param atOnce How many of them at the same time; all, unless given.
 */
export async function runClients(
  count: number,
  visit: (client: number) => Promise<number>,
  atOnce = count,
): Promise<void> {
  const outcome: Outcome = { clients: count, right: 0, longest: 0 };
  const reasons = new Map<string, number>(); // why clients have failed, and how many
  let next = 1;
  async function run() {
    while (next <= count) {
      const client = next++;
      try {
        const waited = await visit(client);
        outcome.right++;
        outcome.longest = Math.max(outcome.longest, waited);
      } catch (error) {
        const reason = (error as Error).message;
        const times = (reasons.get(reason) ?? 0) + 1;
        reasons.set(reason, times);
        if (times <= 3) console.log(`client ${client}: ${reason}`);
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, run));
  for (const [reason, times] of reasons) {
    if (times > 3) console.log(`and ${times - 3} more: ${reason}`);
  }
  console.log(summary(outcome));
  if (outcome.right < count) Deno.exitCode = 1;
}

/** How a scenario went. */
export interface Outcome {
  /** How many clients there were. */
  clients: number;
  /** How many of them got the right reply. */
  right: number;
  /** The longest time that one of these waited for it, in milliseconds. */
  longest: number;
}

function summary({ clients, right, longest }: Outcome): string {
  return `${clients} clients, ${right} right replies, longest wait ${longest.toFixed(1)} ms`;
}

/** Reads the last line of a client back, or returns undefined for any other line. */
export function parseSummary(line: string): Outcome | undefined {
  const match = /^(\d+) clients, (\d+) right replies, longest wait ([\d.]+) ms$/.exec(line);
  if (match === null) return undefined;
  const [clients, right, longest] = match.slice(1).map(Number);
  return { clients, right, longest };
}
