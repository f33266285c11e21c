/**
 * Puts a server into a scenario, and explains what it does wrong there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { getrlimit, RLIMIT_NOFILE } from "../../linux/descriptors.ts";
import type { Address } from "../../linux/socket.ts";
import { unreadAt } from "../lesson/stall.ts";
import { isListening } from "../process/proc.ts";
import { connect, disconnectAll, meet, progressOf, say, visit } from "./clients.ts";
import { deadline } from "./deadline.ts";
import { faultBehind } from "./faults.ts";
import type { Scenario, Situation, Visit } from "./scenario.ts";
import { lastWords, Server, type Subject } from "./server.ts";

/** How long a scenario may take, in milliseconds, unless it says otherwise. Most take 100. */
const LIMIT = 10_000;
/** What is seen when the end of the input goes unnoticed. */
const NOT_CLOSED = /did not close the connection/;
/** What is seen when nothing moves any more. */
const HANGS = /still waiting|within \d+ ms$/;
/** How long it may take to notice that, in milliseconds. */
const LATE = 1000;
/** How many descriptors this process needs besides those of the connections. */
const OWN_DESCRIPTORS = 60;

/** Why a server is left out of a scenario; undefined if it is not. */
export function skipReason(
  { atOnce = Infinity, polling, foreign, protocol }: Pick<
    Subject,
    "atOnce" | "polling" | "foreign" | "protocol"
  >,
  { concurrent = 1, sleeps, ofLessons, anyProtocol, connections = 0 }: Scenario,
): string | undefined {
  if (protocol !== undefined && !anyProtocol) {
    return `it speaks ${protocol}, and this is about shout`;
  }
  if (concurrent > atOnce) {
    return `it serves ${atOnce === 1 ? "one client" : `${atOnce} clients`} at a time`;
  }
  if (sleeps && polling) return "it polls its sockets all the time: that is its model";
  if (ofLessons && foreign) return "it is about the options of the lessons";
  const needed = connections + OWN_DESCRIPTORS;
  const { soft } = getrlimit(RLIMIT_NOFILE);
  if (needed > soft) return `it needs ${needed} descriptors, and there may be ${soft} (ulimit -n)`;
}

/** The error for a server that fails in a scenario. */
export class Failure extends Error {
  /** The class's name, for messages. */
  override name = "Failure";

  /**
   * Puts the report together.
   *
   * @param saw What the client saw.
   * @param fault Which fault of the server that usually is.
   * @param stderr What the server wrote to stderr, its first lines.
   * @param waits What the server waited for, and where bytes lay, if nothing moved any more.
   */
  constructor(
    readonly saw: string,
    readonly fault: string,
    readonly stderr: readonly string[],
    readonly waits?: string,
  ) {
    const said = stderr.map((line) => `\n  stderr: ${line}`).join("");
    super(`${saw}${said}\n  usually: ${fault}`);
  }
}

/** The error for a scenario that needs more descriptors than this process can have. */
export class OutOfDescriptors extends Error {
  /** The class's name, for messages. */
  override name = "OutOfDescriptors";
}

/**
 * Starts a server and runs a scenario against it, after which it still has to serve a new client.
 *
 * @throws {Failure} with what went wrong, and what the server wrote to stderr.
 * @throws {OutOfDescriptors} if it was this process that could not go on.
 */
export async function check(subject: Subject, scenario: Scenario): Promise<void> {
  await using server = await Server.start(subject, scenario.start).catch(blameless);
  const run = scenario.run(server);
  // A scenario that ends the server itself, or starts another one, goes on after that.
  if (scenario.ends) return await judge(server, scenario, run, server.errors);
  await judge(server, scenario, run.then(() => meet(server)), server.errors, server.ended);
}

/**
 * Runs a scenario against a server that runs already, in whatever language it is written.
 *
 * @throws {Failure} with what went wrong.
 * @throws {OutOfDescriptors} if it was this process that could not go on.
 */
export async function checkAddress(address: Address, scenario: Situation & Visit): Promise<void> {
  await judge(address, scenario, scenario.run(address).then(() => visit(address)));
}

/** Waits for the outcome of a scenario, or for the end of the server, which must not come. */
async function judge(
  server: Address,
  { limit: time = LIMIT, faults }: Situation,
  outcome: Promise<void>,
  errors: readonly string[] = [],
  end: Promise<Deno.CommandStatus> = new Promise(() => {}),
): Promise<void> {
  const limit = new AbortController();
  const ended = end.then(({ code, signal }) =>
    signal === null ? `the server ended with exit code ${code}` : `the server ended by ${signal}`
  );
  try {
    await Promise.race([
      outcome.catch(blameless),
      ended.then((how) => assert.fail(how)),
      sleep(time, undefined, { signal: limit.signal })
        .then(() => assert.fail(`still waiting after ${time} ms${progressOf(server)}`)),
    ]);
  } catch (error) {
    if (error instanceof OutOfDescriptors) throw error;
    // Below the first line, Node compares two values. That a client was cut off says less than that
    // the server has ended, which may be noticed a little later, as may its last words.
    const [first] = (error as Error).message.split("\n");
    const saw = NOT_CLOSED.test(first) && await noticesLateEnd(server)
      ? "it noticed the end of the input only if that came later than the message"
      : first;
    let waits: string | undefined;
    if (server instanceof Server) waits = HANGS.test(saw) ? server.waits : undefined;
    else if (/still waiting/.test(saw)) waits = unreadAt(server.port);
    await sleep(100);
    const how = server instanceof Server || isListening(server.port)
      ? await Promise.race([ended, saw])
      : "the server no longer listens";
    const stderr = lastWords(errors);
    throw new Failure(how, faultBehind(faults, how, stderr, waits), stderr, waits);
  } finally {
    limit.abort();
    // A server that goes on has to be idle for the next scenario, which needs the descriptors.
    disconnectAll(server);
  }
}

/** Whether a server notices the end of a client's input when that comes alone. */
async function noticesLateEnd(server: Address): Promise<boolean> {
  try {
    using connection = await connect(server);
    await deadline(say(connection), LATE, "there was no reply");
    await sleep(50);
    await connection.closeWrite();
    return await deadline(connection.read(new Uint8Array(1)), LATE, "it is open") === null;
  } catch {
    return false;
  }
}

/** Throws an error on, but not as the server's fault if it was this process's. */
function blameless(error: unknown): never {
  if (!(error instanceof Error && "code" in error && error.code === "EMFILE")) throw error;
  const { soft } = getrlimit(RLIMIT_NOFILE);
  throw new OutOfDescriptors(`it needs more than ${soft} descriptors in this process (ulimit -n)`);
}
