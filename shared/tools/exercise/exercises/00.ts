/**
 * The exercises of lesson 00.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "00.1",
    title: "More than was ordered",
    story: "A customer sends five letters and receives five capitals, followed by a megabyte of " +
      "zeros. Another customer finds a paragraph there that a third one had sent before.",
    question: {
      asks: "One client says hello. What does it receive?",
      answers: [
        "HELLO, and then whatever else is in the server's buffer",
        "HELLO, and then nothing: the kernel knows how much has arrived",
        "the end of its reply, since the beginning is cut off",
      ],
      correct: 0,
    },
    script: "00-two-phases/server.ts",
    changes: [[
      "sendAll(connection, shout(message.buffer, length), length);",
      "sendAll(connection, shout(message.buffer, length));",
    ]],
    foundBy: "answers a message that arrives one byte at a time",
    says: /longer than the message/,
    explained: /it sends more than recv returned/,
    limit: 4000,
    hints: [
      "The reply begins as it should. Look at the call that sends it.",
      "The buffer has room for 1 MiB, and one message has filled only the beginning of it. Which " +
      "of the two sizes does the call know?",
      "`sendAll` sends the whole buffer unless it gets a third argument: how many bytes " +
      "`recvmsg` has returned.",
    ],
    explanation: "A buffer is longer than what is in it. recvmsg returns how many bytes it has " +
      "written, and only these belong to the client; behind them lie zeros, or what an earlier " +
      "client has sent. So every function that gets the buffer gets the length as well.",
  },
  {
    id: "00.2",
    title: "Arrived, measured, lost",
    story: "The operators like the new server: it prints when each message arrives. The users do " +
      "not like it at all. They send one line, and wait for the answer forever.",
    question: {
      asks: "A client sends one line and keeps its connection open. Where is the line?",
      answers: [
        "in the kernel, until the server asks for it again",
        "in the server's buffer, unsent",
        "nowhere: the kernel has discarded it",
      ],
      correct: 2,
    },
    script: "00-two-phases/two-calls.ts",
    changes: [
      [
        " * With MSG_TRUNC, recv waits and reports how much has arrived, but copies nothing. " +
        "MSG_PEEK leaves\n * the data in the kernel. So the first call is phase 1, and the " +
        "second is phase 2.\n",
        " * With MSG_TRUNC, recv waits and reports how much has arrived, but copies nothing. The " +
        "first call\n * is meant to be phase 1, and the second phase 2.\n",
      ],
      ["Man:  recv(2) (MSG_PEEK), tcp(7) (MSG_TRUNC)", "Man:  recv(2), tcp(7) (MSG_TRUNC)"],
      ["  MSG_PEEK,\n", ""],
      [
        `      // Phase 1 alone. Without MSG_PEEK, MSG_TRUNC would discard the data.
      recv(connection, buffer, buffer.length, MSG_PEEK | MSG_TRUNC);
`,
        "      recv(connection, buffer, buffer.length, MSG_TRUNC);\n",
      ],
      ["      // Phase 2 alone: the data is there.\n", ""],
    ],
    foundBy: "carries on after it was stopped and continued",
    says: /still waiting/,
    explained: /waits in a call for something that does not happen/,
    limit: 2500,
    hints: [
      "Two calls of recv follow each other. The first one returns, and the server sleeps in the " +
      "second.",
      "A recv takes the bytes out of the kernel's buffer, even if it copies them nowhere. " +
      "recv(2) has a flag that leaves them there.",
      "The flags `MSG_TRUNC` alone discard what has arrived: use `MSG_PEEK | MSG_TRUNC` in the " +
      "first call.",
    ],
    explanation: "On TCP, MSG_TRUNC means that nothing is copied, not that nothing is taken: the " +
      "bytes are counted, and gone. MSG_PEEK leaves them in the kernel. With both flags, the " +
      "first call only waits, and the second finds the bytes and copies them.",
  },
];
