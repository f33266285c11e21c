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
  /** Milliseconds until it is given up; 5,000 unless given. */
  timeout?: number;
  /** Gives it up earlier. */
  signal?: AbortSignal;
}

// Published for whoever listens, as in client.ts.
const connecting = tracingChannel("client:connect");

const SHORTEST_PAUSE = 5;
const LONGEST_PAUSE = 100;

/**
 * Connects to a server that may not be there yet: tries again, with growing pauses from 5 to 100
 * ms, as long as the connection is refused, and hands over the first one that is accepted.
 *
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
  return connecting.tracePromise(() => poll(address, options), {});
}

async function poll(
  { host, port }: Address,
  { timeout = 5_000, signal }: ConnectOptions,
): Promise<Deno.TcpConn> {
  // A network that swallows packets answers nothing at all, so that each attempt, too, has to be
  // ended by the clock.
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(), timeout);
  const stop = AbortSignal.any([clock.signal, ...signal ? [signal] : []]);
  let reason = "no answer";
  try {
    for (let wait = SHORTEST_PAUSE;; wait = Math.min(wait * 2, LONGEST_PAUSE)) {
      try {
        stop.throwIfAborted();
        const connection = await Deno.connect({ hostname: host, port, signal: stop });
        connection.setNoDelay(true);
        return connection;
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
