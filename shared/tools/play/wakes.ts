/**
 * Which client's deed woke which call.
 *
 * @module
 */

import type { TraceEvent } from "../trace/events.ts";
import type { Connection, Model, Thread } from "./model.ts";
import { waits } from "./sentence.ts";
import { lastAt } from "./series.ts";

/** A call that slept until a client did something. */
export interface Wake {
  /** The client. */
  connection: Connection;
  /** When it did it. */
  from: number;
  /** The thread that slept. */
  thread: Thread;
  /** When the call returned. */
  to: number;
}

/** All of them, in the order of the calls; of several deeds during a call, the first woke it. */
export function wakesOf({ deeds, threads }: Model): Wake[] {
  const times = deeds.map(({ time }) => time);
  return threads.flatMap((thread) =>
    thread.calls.filter(waits).flatMap((call) => {
      const end = call.ts + call.dur!;
      for (let i = lastAt(times, call.ts) + 1; times[i] <= end; i++) {
        const { time, connection } = deeds[i];
        if (isAbout(call, connection, time)) return [{ connection, from: time, thread, to: end }];
      }
      return [];
    })
  ).sort((a, b) => a.to - b.to);
}

/** Whether a call could end since a client did something at a time. */
function isAbout(
  { name, pid, ts, args }: TraceEvent,
  connection: Connection,
  time: number,
): boolean {
  const { accepted, closed, fd, port } = connection;
  // Of several that sleep in accept4 side by side, the kernel wakes one.
  if (name === "accept4") return time === connection.connected && args.peer === port;
  // A call that looks after many names none; of a ring, the descriptor is the ring itself.
  if (args.fd === undefined || name === "io_uring_enter") {
    return connection.pid === pid || time < accepted;
  }
  return connection.pid === pid && fd === args.fd && accepted <= ts && ts <= closed;
}
