/**
 * Scenarios about limits: memory, CPU time, descriptors, and the queue of the listener.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { shout } from "../../../shout.ts";
import {
  connect,
  eventually,
  expectBytes,
  expectEnd,
  finish,
  greet,
  ignoreRejection,
  MEBIBYTE,
  pattern,
  say,
  sendAll,
  sendUntilFull,
  untilStill,
  visit,
} from "../clients.ts";
import { deadline } from "../deadline.ts";
import { FORGOTTEN, PILED_UP } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { Server } from "../server.ts";

/** How long nobody may be served if nothing keeps the server from it, in milliseconds. */
const STANDSTILL = 3000;

/** What a server does with what it has. */
export const limits: readonly Scenario[] = [
  {
    name: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    seenBy: "a client that sent 64 MiB and began to read late",
    faults: [
      [/memory grew/, PILED_UP],
      [/missing|^byte|still waiting|ended after/, FORGOTTEN],
    ],
    inspects: true,
    async run(server) {
      // A chunk whose length no buffer has, over and over. Chunks of 64 KiB can each fill a packet
      // of the loopback device, which the server's socket then takes as a whole or not at all.
      const chunk = pattern(40_009);
      const chunks = Math.ceil(64 * MEBIBYTE / chunk.length);
      await server.settled();
      const before = server.peakMemory;
      using connection = await connect(server);
      let sent = 0;
      async function sendChunks() {
        for (let i = 0; i < chunks; i++) {
          await sendAll(connection, chunk, (length) => sent += length);
        }
        await connection.closeWrite();
      }
      async function readLate() {
        await untilStill(() => sent); // every buffer is full, or the server has taken everything
        const expected = shout(chunk.slice());
        const piece = new Uint8Array(256 * 1024);
        const total = chunks * chunk.length;
        let received = 0;
        while (received < total) {
          const length = await connection.read(piece);
          assert(length !== null, `${total - received} bytes of the reply are missing`);
          for (let i = 0; i < length;) {
            const at = received % chunk.length;
            const run = Math.min(length - i, chunk.length - at);
            expectBytes(piece.subarray(i, i + run), expected.subarray(at, at + run), received);
            i += run;
            received += run;
          }
        }
        await expectEnd(connection);
      }
      await Promise.all([sendChunks(), readLate()]);
      const grown = server.peakMemory - before;
      assert(grown < 32, `the server's memory grew by ${grown.toFixed(0)} MiB`);
    },
  },
  {
    name: "keeps little for each of 20 clients that do not read, and serves others",
    seenBy: "one of 21 clients, 20 of which sent 24 MiB and read nothing",
    faults: [
      [/memory grew/, PILED_UP],
      [/not served/, "clients that do not read use up what is meant for all"],
      [
        /% of a core/,
        "it waits for input from a client that has unsent bytes, so what is there wakes it up at " +
        "once: wait for room to send instead",
      ],
    ],
    concurrent: 21,
    inspects: true,
    async run(server) {
      using stack = new DisposableStack();
      const greedy: Deno.TcpConn[] = [];
      for (let i = 0; i < 20; i++) {
        greedy.push(stack.use(await connect(server)));
        await say(greedy[i]);
      }
      const before = server.peakMemory;
      await sendUntilFull(greedy, new Uint8Array(24 * MEBIBYTE));
      const share = await idleShare(server, 0.3);
      await deadline(visit(server), 3000, "the other one was not served");
      const grown = server.peakMemory - before;
      assert(grown < 64, `the server's memory grew by ${grown.toFixed(0)} MiB`);
      if (!server.subject.polling) {
        assert(share < 0.3, `it used ${Math.round(100 * share)} % of a core while no client read`);
      }
    },
  },
  {
    name: "accepts hundreds of clients that connect at once",
    seenBy: "one of hundreds of clients that connected while the server was busy",
    faults: [
      [/connected by the kernel/, "the backlog of listen is too short"],
      [/still waiting/, "a client is lost between two events"],
    ],
    inspects: true,
    anyProtocol: true,
    connections: 500,
    limit: 40_000,
    async run(server) {
      // While the server is stopped, only the backlog can take them. The kernel does not refuse
      // those for which there is no room, but lets them try again after a second, for minutes.
      server.kill("SIGSTOP");
      const count = server.subject.threads ? 150 : 500; // starting a thread takes its time
      const coming = Promise.all(Array.from({ length: count }, () => connect(server)));
      const clients = await deadline(coming, 2000, "not all were connected by the kernel");
      server.kill("SIGCONT");
      try {
        await Promise.all(clients.map((client) => finish(client, server.subject)));
      } finally {
        for (const client of clients) client.close();
      }
    },
  },
  {
    name: "stops accepting while it is out of descriptors, and recovers",
    seenBy: "one of 80 clients of a server that may have 64 descriptors",
    faults: [
      [
        /% of a core/,
        "EMFILE leaves the client in the queue, so the listener stays ready, and a server that " +
        "calls accept4 again at once spins: it has to stop accepting for a while",
      ],
      [/the server ended/, "EMFILE from accept4 ends the server"],
      [
        /still waiting/,
        "it does not accept again, or does not close the connections of clients that have gone",
      ],
    ],
    inspects: true,
    anyProtocol: true,
    connections: 80,
    start: { descriptors: 64 },
    limit: 20_000,
    async run(server) {
      await runsShort(server);
      if (server.subject.behind === undefined) return;
      // A proxy needs six descriptors for a client. With this limit or with that, a part of them is
      // left at the end, which is not enough for one more.
      await using other = await Server.start(server.subject, { descriptors: 64 + 3 });
      await runsShort(other);
    },
  },
  {
    name: "uses no CPU while there is nothing to do",
    seenBy: "while its only client was silent",
    faults: [
      [
        /% of a core/,
        "it never sleeps: it polls again and again, or does not take what is reported to it",
      ],
    ],
    inspects: true,
    anyProtocol: true,
    sleeps: true,
    async run(server) {
      using idle = await connect(server);
      await greet(idle, server.subject);
      await sleep(20);
      const share = await idleShare(server, 0.1);
      assert(share < 0.1, `it used ${Math.round(100 * share)} % of a core`);
    },
  },
];

/** Lets 80 clients come to a server that has not so many descriptors, and then go. */
async function runsShort(server: Server): Promise<void> {
  await server.settled();
  const leave = Promise.withResolvers<void>();
  const served: Deno.Conn[] = [];
  async function stay() {
    using connection = await connect(server);
    await greet(connection, server.subject);
    served.push(connection);
    await leave.promise;
  }
  // The kernel connects all of them; the server can take no more than 64 out of its queue.
  const all = ignoreRejection(Promise.all(Array.from({ length: 80 }, stay)));
  await eventually(() => served.length > 0, "no client was served");
  await untilStill(() => served.length);
  const share = await idleShare(server, 0.3);
  assert(served.length < 64, `${served.length} clients were served with 64 descriptors`);
  for (const connection of [...served]) await greet(connection, server.subject);
  leave.resolve();
  let over = false;
  all.catch(() => {}).finally(() => over = true);
  const moves = await goesOn(() => served.length, () => over);
  assert(moves, `${80 - served.length} clients are still waiting`);
  await all;
  if (!server.subject.polling) {
    assert(share < 0.3, `it used ${Math.round(100 * share)} % of a core while it had to wait`);
  }
}

/** Waits until something is over; false if a number has not changed for some seconds before. */
async function goesOn(current: () => number, isOver: () => boolean): Promise<boolean> {
  let [before, since] = [current(), performance.now()];
  for (; !isOver(); await sleep(10)) {
    if (current() !== before) [before, since] = [current(), performance.now()];
    if (performance.now() > since + STANDSTILL) return false;
  }
  return true;
}

/**
 * The share of a core that a server uses while it has nothing to do: below `enough`, or the least
 * of four looks, since it may still be at work in the first ones.
 */
async function idleShare(server: Server, enough: number): Promise<number> {
  let share = Infinity;
  for (let i = 0; i < 4 && share >= enough; i++) {
    share = Math.min(share, await server.cpuShare(150));
  }
  return share;
}
