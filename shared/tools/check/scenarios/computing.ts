/**
 * Scenarios of lesson 21: messages with work, which take 0.2 s of computing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import {
  bytesOf,
  connect,
  eventually,
  expectReply,
  ignoreRejection,
  MEBIBYTE,
  say,
  sendAll,
  untilStill,
  visit,
  visitRudely,
} from "../clients.ts";
import type { Scenario } from "../scenario.ts";
import type { Server } from "../server.ts";

/** Time in which a server has taken what has been sent to it, in milliseconds. */
const TAKEN = 40;

/** Several works together may take long on a busy machine. */
const limit = 30_000;

/** What a server with a pool of threads owes its clients. */
export const computing: readonly Scenario[] = [
  {
    name: "answers others while messages with work are computed, whatever is queued",
    seenBy: "one of ten clients without work beside four with work",
    faults: [[/held up/, "the loop computes, or waits for room: hand the message over, and go on"]],
    inspects: true,
    start: { args: ["--places", "2"] },
    limit,
    async run(server) {
      using stack = new DisposableStack();
      const others = await Promise.all(Array.from({ length: 10 }, () => connect(server)));
      for (const other of others) stack.use(other);
      const works = Array.from({ length: 4 }, async (_, i) => {
        using connection = await connect(server);
        await say(connection, `work ${i}`);
        done++;
      });
      let done = 0;
      const all = ignoreRejection(Promise.all(works));
      await sleep(TAKEN);
      for (const other of others) await say(other);
      assert(done < 4, "the others were held up until everything was computed");
      await all;
    },
  },
  {
    name: "sends the replies of one client in the order of its messages",
    seenBy: "a client that sent work, and two more messages meanwhile",
    faults: [[/^byte/, "a later message overtakes the work: read nothing more until it is done"]],
    inspects: true,
    limit,
    async run(server) {
      using connection = await connect(server);
      const messages = ["work first", "second", "work third", "fourth"];
      const replies = ignoreRejection(expectReply(connection, bytesOf(messages.join(""))));
      for (const message of messages) {
        await sendAll(connection, bytesOf(message));
        await sleep(TAKEN);
      }
      await replies;
    },
  },
  ...[{ what: "a thread computes", places: 8 }, { what: "waits for a place", places: 1 }].map((
    { what, places },
  ): Scenario => ({
    name: `gives nobody the reply of a client that has gone, whose message ${what}`,
    seenBy: "a client that connected when another had gone, and got its descriptor",
    faults: [[
      /^byte|longer/,
      "a result goes to a descriptor, which is somebody else's by now: forget who has gone",
    ]],
    inspects: true,
    start: { args: ["--places", String(places)] },
    limit,
    async run(server) {
      using busy = await connect(server);
      const first = ignoreRejection(say(busy, "work of one that stays"));
      await sleep(TAKEN);
      await visitAndReset(server, "work of one that goes");
      using other = await connect(server);
      await say(other, "work of one that comes");
      await first;
      for (const text of ["hello", "work ", "again"]) {
        await say(other, text);
        await say(busy, text);
      }
    },
  })),
  {
    name: "does not compute for clients that have gone",
    seenBy: "the user who looked at the CPU time for eight clients that were gone at once",
    faults: [[/times the CPU time/, "what is queued is computed although nobody wants it"]],
    inspects: true,
    start: { args: ["--places", "8"] },
    limit,
    async run(server) {
      const cost = async (task: () => Promise<unknown>) => {
        const before = server.cpu;
        await task();
        return server.cpu - before;
      };
      const one = await cost(() => visit(server, bytesOf("work ")));
      const gone = await cost(async () => {
        for (let i = 0; i < 8; i++) await visitAndReset(server, `work ${i}`, false);
        await visit(server, bytesOf("work at the end of the queue"));
      });
      // Two of them may have begun, and there may be another two when the first have ended.
      assert(gone < 7 * one, `they took ${(gone / one).toFixed(1)} times the CPU time of one`);
    },
  },
  {
    name: "answers every message with work when there are more of them than places",
    seenBy: "one of three clients with work, of which the queue takes one at a time",
    faults: [[/still waiting/, "what finds the queue full is lost: keep it until there is room"]],
    inspects: true,
    start: { args: ["--places", "1"] },
    limit,
    async run(server) {
      const works = Array.from({ length: 3 }, (_, i) => visit(server, bytesOf(`work ${i}`)));
      await Promise.all(works);
    },
  },
  {
    name: "takes no more from a client whose message waits, which slows its sender down",
    seenBy: "a client that sent 24 MiB behind a message that had to wait for a place",
    faults: [[
      /bytes were taken/,
      "it goes on reading while the queue is full, so memory fills up",
    ]],
    inspects: true,
    start: { args: ["--places", "1"] },
    limit,
    async run(server) {
      using first = await connect(server);
      const busy = ignoreRejection(say(first, "work "));
      await sleep(TAKEN);
      using sender = await connect(server);
      const message = new Uint8Array(24 * MEBIBYTE);
      message.set(bytesOf("work "));
      let sent = 0;
      const sending = ignoreRejection(sendAll(sender, message, (length) => sent += length));
      await untilStill(() => sent);
      const taken = sent;
      await Promise.all([expectReply(sender, message), sending, busy]);
      assert(taken < message.length, `all ${taken} bytes were taken while the message waited`);
    },
  },
  {
    name: "sleeps when everything is computed",
    seenBy: "while nobody wanted anything any more",
    faults: [[/% of a core/, "the eventfd is not read, so it stays readable and epoll reports it"]],
    inspects: true,
    limit,
    async run(server) {
      using connection = await connect(server);
      await say(connection, "work ");
      await sleep(TAKEN);
      let share = Infinity;
      for (let i = 0; i < 4 && share > 0.1; i++) share = await server.cpuShare(150);
      assert(share < 0.3, `it used ${Math.round(100 * share)} % of a core`);
      await say(connection, "work again");
    },
  },
  {
    name: "answers a client that has ended its sending behind its message, and closes",
    seenBy: "a client that sent work, and then ended its sending",
    faults: [[/ended after|reset/, "it takes the end of the input for the end of the connection"]],
    inspects: true,
    limit,
    run: (server) => visit(server, bytesOf("work ")),
  },
];

/**
 * Sends a message, and resets the connection as soon as the server has taken the message. Waits
 * until the server has closed its side, if that is asked for.
 */
async function visitAndReset(server: Server, text: string, untilClosed = true): Promise<void> {
  const before = server.descriptors;
  await visitRudely(server, bytesOf(text), TAKEN);
  if (untilClosed) {
    await eventually(() => server.descriptors <= before, "the server kept the connection");
  }
}
