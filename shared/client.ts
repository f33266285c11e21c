/**
 * What all clients have in common: their options, a question and its checked answer, and a last
 * line that says how it went.
 *
 * The clients are written with promises: the lessons are about servers.
 *
 * @module
 */

import { tracingChannel } from "node:diagnostics_channel";
import type { Address } from "./linux/socket.ts";
import { HOST, number, type Options, parseOptions, type Values } from "./options.ts";
import { openOwnDescriptors } from "./own_descriptors.ts";
import { shout } from "./shout.ts";

// Every send and every reply is published. Without a subscriber, that costs nothing.
const sending = tracingChannel("client:send");
const receiving = tracingChannel("client:receive");

/** A reply that is wrong, or is missing. */
export class WrongReply extends Error {
  /** The class's name, for messages. */
  override name = "WrongReply";
}

/**
 * Reads a client's command line: `--host`, `--port`, `--help`, and what its scenario needs. From
 * here on, a failure that nobody handles, such as a server that is not there, ends the script with
 * exit code 1 and one line. A bug in the script still shows its stack trace.
 */
export function clientOptions<Extra extends Options = Record<never, never>>(
  extra: Extra = {} as Extra,
): Address & Values<Extra> {
  openOwnDescriptors(); // before the clients take all that there are
  addEventListener("unhandledrejection", ({ reason }) => {
    if (!isOfConnection(reason)) return;
    console.error(reason.message);
    Deno.exit(1);
  });
  return parseOptions<Options>({
    host: HOST,
    port: number(8080, "port of the server", 1, 65535),
    ...extra,
  }) as Address & Values<Extra>;
}

/** Whether an error is one of a connection; any other is a bug in the script. */
function isOfConnection(error: unknown): error is Error & { code?: string } {
  return error instanceof WrongReply || error instanceof Deno.errors.TimedOut ||
    error instanceof Error && "code" in error;
}

/** Sends all of a message, in as many pieces as it takes. */
export function sendAll(connection: Deno.Conn, message: Uint8Array): Promise<void> {
  return sending.tracePromise(
    async () => {
      for (let sent = 0; sent < message.length;) {
        sent += await connection.write(message.subarray(sent));
      }
    },
    { connection, bytes: message.length },
  );
}

/** How long a client waits for the next piece of a reply, in milliseconds. */
const PATIENCE = 30_000;

/**
 * Receives the whole reply to a message, in however many pieces it arrives, and checks it.
 *
 * @param patience How long it waits for the next piece, in milliseconds.
 * @throws {WrongReply} if the reply ends too early, does not arrive, or has a wrong byte.
 */
export function checkReply(
  connection: Deno.Conn,
  message: Uint8Array,
  patience = PATIENCE,
): Promise<void> {
  return receiving.tracePromise(
    () => receiveReply(connection, shout(new Uint8Array(message)), patience),
    { connection, bytes: message.length },
  );
}

async function receiveReply(connection: Deno.Conn, expected: Uint8Array, patience: number) {
  const piece = new Uint8Array(64 * 1024);
  let received = 0;
  let reason = "";
  const timer = setTimeout(() => {
    reason = `nothing more arrived for ${patience / 1000} s`;
    connection.close(); // which ends the read below
  }, patience);
  try {
    while (received < expected.length) {
      const length = await connection.read(piece);
      if (length === null) throw new WrongReply("the connection was closed");
      timer.refresh();
      for (let i = 0; i < length; i++, received++) {
        if (piece[i] !== expected[received]) throw new WrongReply("a byte is wrong");
      }
    }
  } catch (error) {
    reason ||= (error as Error).message;
    throw new WrongReply(
      `the reply is correct for ${received} of ${expected.length} bytes, then ${reason}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Sends a message and receives the reply, both at once, since a server answers while it receives.
 *
 * @param patience How much longer than usual this client's scenario lets it wait, in milliseconds.
 * @returns How long the client waited for the last byte of the reply, in milliseconds, counted from
 *   the moment when it began to send.
 * @throws {WrongReply} if the reply ends too early, does not arrive, or has a wrong byte.
 */
export async function ask(
  connection: Deno.Conn,
  message: Uint8Array,
  patience = 0,
): Promise<number> {
  const start = performance.now();
  await Promise.all([
    checkReply(connection, message, PATIENCE + patience),
    sendAll(connection, message),
  ]);
  return performance.now() - start;
}

/**
 * Lets `count` clients visit the server and prints how it went. If one fails, the others go on. A
 * reply that is wrong or missing gives exit code 1; where many clients fail for the same reason,
 * the first three are printed, and the number of the others. Clients for which there is no
 * descriptor are left out, and do not count.
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
  const outcome: Outcome = { clients: count, correct: 0, longest: 0 };
  const reasons = new Map<string, number>(); // why clients have failed, and how many
  let next = 1;
  async function run() {
    while (next <= count) {
      const client = next++;
      try {
        const waited = await visit(client);
        outcome.correct++;
        outcome.longest = Math.max(outcome.longest, waited);
      } catch (error) {
        if (!isOfConnection(error)) throw error;
        if (error.code === "EMFILE") {
          outcome.clients--;
          continue;
        }
        const times = (reasons.get(error.message) ?? 0) + 1;
        reasons.set(error.message, times);
        if (times <= 3) console.log(`client ${client}: ${error.message}`);
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, run));
  for (const [reason, times] of reasons) {
    if (times > 3) console.log(`and ${times - 3} more: ${reason}`);
  }
  const { clients, correct } = outcome;
  if (clients < count) {
    console.log(`only ${clients} clients: the limit of descriptors (ulimit -Hn) allows no more`);
  }
  console.log(summary(outcome));
  if (correct < clients || clients === 0) Deno.exitCode = 1;
}

/** How a scenario went. */
export interface Outcome {
  /** How many clients there were. */
  clients: number;
  /** How many of them received the correct reply. */
  correct: number;
  /** The longest time that one of these waited for it, in milliseconds. */
  longest: number;
}

function summary({ clients, correct, longest }: Outcome): string {
  return `${clients} clients, ${correct} correct replies, longest wait ${longest.toFixed(1)} ms`;
}

/** Reads the last line of a client back, or returns undefined for any other line. */
export function parseSummary(line: string): Outcome | undefined {
  const match = /^(\d+) clients, (\d+) correct replies, longest wait ([\d.]+) ms$/.exec(line);
  if (match === null) return undefined;
  const [clients, correct, longest] = match.slice(1).map(Number);
  return { clients, correct, longest };
}
