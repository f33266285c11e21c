/**
 * The exercises of lesson 03.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "03.1",
    title: "Everybody waits for one",
    story: "The tests of the new server are green: every client gets its answer at once. In the " +
      "office, somebody opens a connection, goes for a coffee, and all others wait.",
    question: {
      asks: "The listener is non-blocking. What about the sockets that accept4 returns?",
      answers: [
        "they are non-blocking as well",
        "they are blocking, unless accept4 is asked for something else",
        "they are blocking until the first byte arrives",
      ],
      correct: 1,
    },
    script: "03-nonblocking/server.ts",
    changes: [
      [
        "  // On Linux, an accepted socket does not inherit O_NONBLOCK from the listener, so it " +
        `is set here
  // again. Without it, recv would sleep on the first silent client.
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
`,
        "  const fd = tryAccept4(listener);\n",
      ],
    ],
    foundBy: "serves 20 clients while two others are silent",
    says: /still waiting/,
    explained: /sleeps in recv .* O_NONBLOCK/,
    limit: 2500,
    hints: [
      "The server is no longer polling: it sleeps in a call for a client that says nothing.",
      "This server must never sleep in a call. Which flag says so, and on which sockets is it " +
      "set?",
      "On Linux, an accepted socket inherits no flags: `tryAccept4` takes `SOCK_NONBLOCK`.",
    ],
    explanation: "O_NONBLOCK belongs to a socket, and on Linux an accepted socket does not " +
      "inherit it from the listener; on BSD it does. Without the flag, recv sleeps for the first " +
      "silent client, and the only thread of the server with it.",
  },
  {
    id: "03.2",
    title: "Nobody ever hangs up",
    story: "In the evening all customers have gone home. The server says that two thousand of " +
      "them are still there.",
    question: {
      asks: "A client ends its sending. What does recv return on the server's side?",
      answers: [
        "0, once, and then EAGAIN",
        "0, as often as it is asked",
        "an error: the connection is broken",
      ],
      correct: 1,
    },
    script: "03-nonblocking/server.ts",
    changes: [[
      "  if (length <= 0) return GONE; // 0 is the end of the input, less is a broken connection\n",
      "  if (length < 0) return GONE; // a broken connection\n",
    ]],
    foundBy: "closes the connections of clients that have gone",
    says: /did not close the connection/,
    explained: /recv returned 0/,
    hints: [
      "Each client receives its whole reply. Only the end is missing.",
      "There are three kinds of return values of recv: bytes, an error, and one more.",
      "`length < 0` leaves out the end of the input, for which `tryRecv` returns 0.",
    ],
    explanation: "A recv returns 0 when the client has finished sending and everything was read: " +
      "it is no error and no EAGAIN, and it stays like that. If the server does not close the " +
      "connection then, it never will, and goes on asking a client that has gone.",
  },
  {
    id: "03.3",
    title: "Impatience",
    story: "Robots like this server. People complain: before they have typed their first word, " +
      "the connection is closed.",
    question: {
      asks: "Which client gets its reply?",
      answers: [
        "one whose bytes are there whenever the server asks",
        "the first one in each round",
        "none at all",
      ],
      correct: 0,
    },
    script: "03-nonblocking/server.ts",
    changes: [
      [
        "  // Phase 2, the copy, is inside this call. Phase 1 is not: without data, it returns " +
        "EAGAIN.\n",
        "",
      ],
      ["  if (length === -EAGAIN) return READ;\n", ""],
      [
        "return GONE; // 0 is the end of the input, less is a broken connection",
        "return GONE;",
      ],
      ["import { Connection, GONE, READ, type Want }", "import { Connection, GONE, type Want }"],
    ],
    foundBy: "answers a message that arrives one byte at a time",
    says: /ended after|reset|broken pipe/i,
    explained: /it has to read on until recv returns 0/,
    hints: [
      "The server closes connections that are in order. Where does `serve` decide that?",
      "A negative result of recv is an error number. Is there one that is no error at all?",
      "After `tryRecv`, the result `-EAGAIN` means that nothing has arrived yet: it is no reason " +
      "for `GONE`, but for READ.",
    ],
    explanation: "EAGAIN is the usual answer of a non-blocking socket: nothing is there now. It " +
      "says nothing about the connection, so the server asks again in the next round. It closes " +
      "the connection for 0, the end of the input, and for every other error.",
  },
  {
    id: "03.4",
    title: "Write the round over all sockets",
    story: "The server starts, and connects everybody. That is all: no customer is ever " +
      "answered. The part that asks each socket has not been written yet.",
    question: {
      asks: "The loop is empty at first. How much CPU time does the server use meanwhile?",
      answers: [
        "none: it has nothing to do",
        "a whole core",
        "a little for each client that connects",
      ],
      correct: 1,
    },
    script: "03-nonblocking/server.ts",
    changes: [[
      ["  // Is there a new client? Almost always the answer is EAGAIN.\n", "  }\n"],
      `  // To be written: one round. Ask for a new client with acceptOne(). Then serve() each of
  // the \`connections\`, and drop() those that are GONE.
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /still waiting/,
    explained: /neither polls it nor waits for it/,
    limit: 2500,
    hints: [
      "Everything that a round needs is there: the functions below the loop do the work.",
      "No call of this server waits. So a round asks every socket once, the listener too, and " +
      "the loop begins again.",
      "For each of `connections.values()`, call `serve`, and `drop` the connection if it " +
      "returned `GONE`; before that, call `acceptOne`.",
    ],
    explanation: "Since no call waits, one thread can ask all sockets in turn. Most of them have " +
      "nothing, and return EAGAIN. Nobody waits for anybody; the price is a loop that never " +
      "sleeps, and lesson 04 removes it.",
    fromScratch: true,
  },
];
