/**
 * Waiting until a server is ready, without a probe that the server would count as a client.
 *
 * @module
 */

import { tracingChannel } from "node:diagnostics_channel";
import { setTimeout as pause } from "node:timers/promises";
import type { Address } from "./linux/socket.ts";

/** How long to try, and how to stop trying. */
export interface ConnectOptions {
  /** Milliseconds until it gives up; 5,000 unless given. With Infinity, it never does. */
  timeout?: number;
  /** Makes it give up earlier. */
  signal?: AbortSignal;
  /** What the client is called where its activities are recorded. */
  name?: string;
}

// Published for any subscriber, as in client.ts.
const connecting = tracingChannel("client:connect");

const SHORTEST_PAUSE = 5;
const LONGEST_PAUSE = 100;

/** Milliseconds, 24 days. A timer that was set to more would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Connects to a server that may not be there yet: tries again, with growing pauses from 5 to 100
 * ms, while the connection is refused, and hands over the first one that is accepted.
 *
 * @throws {RangeError} if the timeout is NaN or negative.
 * @throws {Deno.errors.TimedOut} when the time is up; the message has the address and the last
 *   reason.
 * @throws {Error} whatever `signal` was aborted with; and any error but a refusal, at once.
 *
 * @example
 * ```ts
 * using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using connection = await connectWhenReady({ host: "127.0.0.1", port: server.addr.port });
 * ```
 */
export function connectWhenReady(
  address: Address,
  options: ConnectOptions = {},
): Promise<Deno.TcpConn> {
  return connecting.tracePromise(() => poll(address, options), { name: options.name });
}

async function poll(
  { host, port }: Address,
  { timeout = 5_000, signal }: ConnectOptions,
): Promise<Deno.TcpConn> {
  if (!(timeout >= 0)) {
    throw new RangeError(`a timeout is a number of milliseconds from 0 on, not ${timeout}`);
  }
  // A network that swallows packets answers nothing at all, so that each attempt, too, has to be
  // ended by the clock.
  const clock = new AbortController();
  const timer = timeout <= LONGEST_TIMER ? setTimeout(() => clock.abort(), timeout) : undefined;
  const stop = AbortSignal.any([clock.signal, ...signal ? [signal] : []]);
  let reason = "no answer";
  try {
    for (let wait = SHORTEST_PAUSE;; wait = Math.min(wait * 2, LONGEST_PAUSE)) {
      try {
        stop.throwIfAborted();
        return await connectOnce({ host, port }, stop);
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        reason = error.message;
      }
      await pause(wait, undefined, { signal: stop });
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!clock.signal.aborted) throw error;
    throw new Deno.errors.TimedOut(
      `nothing accepts connections at ${host}:${port} after ${timeout} ms: ${reason}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Connects to a server.
 *
 * A connection of a socket with itself counts as refused. On loopback, that happens to every
 * program that polls: while nobody listens on a port of the ephemeral range, the kernel may choose
 * that very port for the client's side, and TCP allows both sides to open a connection at once
 * (RFC 9293, simultaneous open). While it lasts, no server can bind to that port.
 *
 * @throws {Deno.errors.ConnectionRefused} if nobody listens there; and whatever `signal` was
 *   aborted with.
 */
export async function connectOnce(
  { host, port }: Address,
  signal?: AbortSignal,
): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: host, port, signal });
  const { localAddr, remoteAddr } = connection;
  if (localAddr.port === remoteAddr.port && localAddr.hostname === remoteAddr.hostname) {
    // An orderly end would leave TIME_WAIT, and with it the server's port in use for a minute. With
    // more bytes under way than are ever received, close resets the connection instead.
    await connection.write(new Uint8Array(1024 * 1024));
    connection.close();
    throw new Deno.errors.ConnectionRefused("the socket was connected with itself");
  }
  connection.setNoDelay(true);
  return connection;
}
