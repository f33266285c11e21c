/**
 * Scenarios about the protocol: every byte comes back, in order, however it was sent.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  bytesOf,
  connect,
  expectEnd,
  expectReply,
  ignoreRejection,
  MEBIBYTE,
  pattern,
  pseudoRandom,
  sendAll,
  untilStill,
  visit,
} from "../clients.ts";
import { DECODED, FORGOTTEN } from "../faults.ts";
import type { Scenario } from "../scenario.ts";

/** What a server owes each of its clients. */
export const protocol: readonly Scenario[] = [
  {
    name: "answers 20 clients at once",
    seenBy: "one of 20 clients that connected at the same time",
    faults: [
      [/^byte|longer/, "the bytes of one client are sent to another: each needs its own state"],
      [/still waiting/, "a client is forgotten: the server neither polls it nor waits for it"],
    ],
    async run(server) {
      const messages = Array.from({ length: 20 }, (_, i) => bytesOf(`client ${i} says hello\n`));
      await Promise.all(messages.map((message) => visit(server, message)));
    },
  },
  {
    name: "answers a message that arrives one byte at a time",
    seenBy: "a client that sent its message one byte at a time",
    faults: [
      [
        /ended after|reset|broken pipe/i,
        "it answers once and closes: it has to read on until recv returns 0, the end of the input",
      ],
      [
        /still waiting/,
        "it expects a message to arrive in one piece, or to end with a particular byte",
      ],
    ],
    async run(server) {
      using connection = await connect(server);
      const message = bytesOf("one byte at a time, ".repeat(5));
      const reply = ignoreRejection(expectReply(connection, message));
      for (const byte of message) {
        await connection.write(Uint8Array.of(byte));
        if (byte === 32) await sleep(1);
      }
      await reply;
    },
  },
  {
    name: "answers a message in pieces of random sizes",
    seenBy: "a client that sent 500,000 bytes in pieces of random sizes",
    faults: [
      [
        /still waiting/,
        "a part of the reply never comes: the bytes that send did not take are forgotten, or it " +
        "relies on how TCP happens to cut a stream into pieces",
      ],
    ],
    async run(server) {
      const message = pattern(500_000);
      const random = pseudoRandom(2026);
      using connection = await connect(server);
      const reply = ignoreRejection(expectReply(connection, message));
      for (let sent = 0; sent < message.length;) {
        const length = 1 + random.next().value % 5000;
        await sendAll(connection, message.subarray(sent, sent + length));
        sent += length;
      }
      await reply;
    },
  },
  {
    name: "turns a to z into A to Z and leaves all other bytes alone",
    seenBy: "a client that sent every value of a byte, and words in UTF-8",
    faults: [
      [/^byte|longer|ended after/, DECODED],
    ],
    async run(server) {
      await visit(server, Uint8Array.from({ length: 256 }, (_, i) => i));
      await visit(server, bytesOf("Grüße, straße, ﬁne, 你好\0"));
    },
  },
  {
    name: "answers 1 MiB",
    seenBy: "a client that sent 1 MiB and read at the same time",
    faults: [
      [/^byte|ended after/, FORGOTTEN],
      [
        /still waiting/,
        "the bytes that send did not take are forgotten; or its events are edge-triggered, and " +
        "it does not read on until EAGAIN",
      ],
    ],
    run: (server) => visit(server, pattern(MEBIBYTE)),
  },
  {
    name: "sends the whole reply after a half-close, and then closes",
    seenBy: "a client that sent 3 MiB, ended its sending, and then read",
    faults: [
      [/^byte|still waiting/, FORGOTTEN],
    ],
    async run(server) {
      using connection = await connect(server);
      const message = pattern(3 * MEBIBYTE);
      let taken = 0;
      const sent = ignoreRejection(
        sendAll(connection, message, (length) => taken += length)
          .then(() => connection.closeWrite()),
      );
      await untilStill(() => taken); // the server can no longer send, and sees the end behind it
      await expectReply(connection, message);
      await sent;
      await expectEnd(connection);
    },
  },
];
