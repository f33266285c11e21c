/**
 * Scenarios about clients: whatever one of them does concerns that one alone.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  bytesOf,
  connect,
  eventually,
  expectReply,
  ignoreRejection,
  MEBIBYTE,
  meet,
  pattern,
  say,
  sendAll,
  talkWithoutEnd,
  untilStill,
  visit,
  visitAndDie,
  visitRudely,
} from "../clients.ts";
import { deadline } from "../deadline.ts";
import { FORGOTTEN } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { Server } from "../server.ts";

/** What a server does for the others. */
export const clients: readonly Scenario[] = [
  {
    name: "closes the connections of clients that have gone",
    seenBy: "after 40 clients had come and gone",
    faults: [],
    inspects: true,
    anyProtocol: true,
    async run(server) {
      await meet(server);
      await server.settled();
      const before = openIn(server);
      for (let i = 0; i < 20; i++) await meet(server);
      for (let i = 0; i < 20; i++) (await connect(server)).close();
      await expectClosed(server, before);
    },
  },
  {
    name: "serves 20 clients while two others are silent",
    seenBy: "one of 20 clients that connected while two others were silent",
    faults: [
      [
        /still waiting/,
        "it sleeps in recv for a client that sends nothing, and serves no other meanwhile: an " +
        "accepted socket is blocking, since on Linux it does not inherit O_NONBLOCK; or the " +
        "server reads before there is something to read, or does not look at every socket",
      ],
    ],
    concurrent: 3,
    async run(server) {
      // One has never sent anything, the other sends no more.
      using mute = await connect(server);
      using silent = await connect(server);
      await say(silent);
      await Promise.all(Array.from({ length: 20 }, () => visit(server)));
      await say(silent);
      await say(mute);
    },
  },
  {
    name: "serves the clients behind a silent one once it has gone",
    seenBy: "one of five clients that connected after a silent one, which then closed",
    faults: [
      [
        /still waiting/,
        "the end of a silent client goes unnoticed, or the clients behind it are forgotten",
      ],
    ],
    async run(server) {
      const silent = await connect(server);
      const others = ignoreRejection(
        Promise.all(Array.from({ length: 5 }, () => visit(server))),
      );
      await sleep(50);
      silent.close();
      await others;
    },
  },
  {
    name: "serves others while one client does not read",
    seenBy: "one of six clients, one of which did not read its 8 MiB for a while",
    faults: [
      [
        /^byte/,
        "unsent bytes are kept in a buffer that is received into again meanwhile, for this " +
        "client or for another one: copy them, or receive later",
      ],
      [/still waiting/, FORGOTTEN],
      [
        /reset|broken pipe|the reply ended/i,
        "it closes the connection of a client that does not read: EAGAIN from send is no error " +
        "of the connection, but says that there is no room now",
      ],
      [
        /others were not served/,
        "it waits until a client that does not read has taken everything, in send or by trying " +
        "again and again, and serves no other meanwhile",
      ],
    ],
    concurrent: 2,
    async run(server) {
      using slow = await connect(server);
      const message = pattern(8 * MEBIBYTE);
      let taken = 0;
      const sent = ignoreRejection(sendAll(slow, message, (length) => taken += length));
      await untilStill(() => taken);
      // Long enough to fill every buffer with something else than the slow client's bytes.
      const other = pattern(200_000).reverse();
      const others = Promise.all(Array.from({ length: 5 }, () => visit(server, other)));
      await deadline(others, 3000, "the others were not served");
      await Promise.all([sent, expectReply(slow, message)]);
    },
  },
  {
    name: "survives the resets of idle clients",
    seenBy: "a client that connected after others had reset their connections (RST)",
    faults: [],
    async run(server) {
      for (let i = 0; i < 10; i++) await visitRudely(server, new Uint8Array(), 2);
      await visitRudely(server, bytesOf("hello"), 20);
    },
  },
  {
    name: "survives many resets with unread replies",
    seenBy: "a client that connected after many others had reset theirs (RST), with unread replies",
    faults: [
      [
        /connections are still open/,
        "a broken connection is not closed: after ECONNRESET or EPIPE its descriptor stays open",
      ],
    ],
    limit: 30_000,
    async run(server) {
      await visit(server);
      const inspected = server instanceof Server;
      if (inspected) await server.settled();
      const before = inspected ? openIn(server) : undefined;
      const message = pattern(60_000);
      // Starting a thread takes its time, and whether there are any is not known of an address.
      const times = inspected && !server.subject.threads ? 50 : 10;
      async function visitOften() {
        for (let i = 0; i < times; i++) await visitRudely(server, message, i % 3);
      }
      await Promise.all(Array.from({ length: 4 }, visitOften));
      // These replies are more than the kernel has room for, so the server is about to send.
      const long = new Uint8Array(32 * MEBIBYTE);
      for (let i = 0; i < 3; i++) await visitRudely(server, long, 25);
      await visit(server); // it has accepted all that connected before
      if (inspected) await expectClosed(server, before!);
    },
  },
  {
    name: "survives a client that is killed",
    seenBy: "a client that connected after another had been killed",
    faults: [],
    async run(server) {
      await visitAndDie(server);
    },
  },
  {
    name: "serves others while one client never stops sending",
    seenBy: "one of a few clients, another of which sent without end and read its replies",
    faults: [[
      /not served/,
      "it stays with a client until that one has nothing more to send: read from each a few " +
      "times at the most before the others have their turn",
    ]],
    concurrent: 2,
    async run(server) {
      await using _talker = await talkWithoutEnd(server);
      for (let i = 0; i < 5; i++) await deadline(visit(server), 2000, "the others were not served");
    },
  },
];

function openIn({ descriptors, sockets }: Server) {
  return { descriptors, sockets };
}

/** Fails unless a server closes all that it has opened since then. */
async function expectClosed(server: Server, before: ReturnType<typeof openIn>) {
  await eventually(
    () => server.descriptors <= before.descriptors,
    () => `${server.sockets > before.sockets ? "connections" : "descriptors"} are still open`,
  );
}
