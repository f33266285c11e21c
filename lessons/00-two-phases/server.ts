/**
 * Lesson 00 · The two phases of a read: the server.
 *
 * Inside one recv, a thread first waits until data has arrived, and then the kernel copies it. The
 * kernel stamps the data on arrival, and that time parts the two. Every second client is received
 * in two calls, of which the first, with MSG_TRUNC, waits and does not copy.
 *
 * Run:  deno run --allow-ffi lessons/00-two-phases/server.ts
 * Try:  deno run --allow-net lessons/00-two-phases/client.ts
 * Man:  recvmsg(2), socket(7) (SO_TIMESTAMPNS), tcp(7) (MSG_TRUNC), clock_gettime(2)
 */

import { close } from "../../shared/linux/descriptors.ts";
import {
  accept,
  addressOf,
  listenTcp,
  Message,
  MSG_PEEK,
  MSG_TRUNC,
  recvmsg,
  sendAll,
  setsockopt,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
} from "../../shared/linux/socket.ts";
import { clock_gettime, CLOCK_REALTIME } from "../../shared/linux/time.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";

const options = serverOptions();
const listener = listenTcp(options);
setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, 1); // accepted sockets inherit it
console.log(`listening on ${addressOf(listener)}`);

interface Phases {
  /** Milliseconds until the data had arrived in the kernel: phase 1. */
  waited: number;
  /** Milliseconds from then on until the call returned: the thread woke up, and phase 2. */
  after: number;
  calls: number;
}

const message = new Message(new Uint8Array(1024 * 1024));

for (let served = 0; served < options.connections; served++) {
  const connection = accept(listener);
  const inTwoCalls = served % 2 === 1;
  const first: Phases = { waited: 0, after: 0, calls: 0 };
  const second: Phases = { waited: 0, after: 0, calls: 0 };
  let bytes = 0;
  try {
    while (true) {
      // MSG_TRUNC alone would throw the data away; with MSG_PEEK it stays for the second call.
      if (inTwoCalls) receive(connection, first, MSG_PEEK | MSG_TRUNC);
      const length = receive(connection, inTwoCalls ? second : first);
      if (length === 0) break;
      bytes += length;
      sendAll(connection, shout(message.buffer, length), length);
    }
  } catch (error) {
    console.error(`client ${served + 1}: ${(error as Error).message}`);
  } finally {
    close(connection);
  }
  if (bytes === 0) continue;
  report(bytes, inTwoCalls ? "MSG_TRUNC" : "recv", first, inTwoCalls ? "woke up" : "copied");
  if (inTwoCalls) report(bytes, "then recv", second, "copied");
}

close(listener);

function receive(connection: number, phases: Phases, flags = 0): number {
  const start = clock_gettime(CLOCK_REALTIME);
  const length = recvmsg(connection, message, flags);
  const end = clock_gettime(CLOCK_REALTIME);
  if (message.arrival === undefined) return length; // the end of the input has no time
  // Data that was there before the call has not been waited for.
  const arrival = Math.max(start, message.arrival);
  phases.waited += arrival - start;
  phases.after += end - arrival;
  phases.calls++;
  return length;
}

function report(bytes: number, call: string, { waited, after, calls }: Phases, did: string) {
  const size = bytes.toLocaleString("en").padStart(9);
  const [wait, rest] = [waited, after].map((ms) => ms.toFixed(3).padStart(7));
  console.log(
    `${size} B  ${call.padEnd(9)} waited ${wait} ms, ${did} in ${rest} ms (${calls} calls)`,
  );
}
