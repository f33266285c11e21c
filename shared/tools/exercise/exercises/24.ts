/**
 * The exercises of lesson 24.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "24.1",
    title: "The rest of the story",
    story:
      "Behind the proxy, uploads with a short answer work. A client that sends a large file, " +
      "ends its sending, and waits for the processed file gets the beginning of it, or nothing.",
    question: {
      asks: "A client ends its sending, and still reads. What has ended?",
      answers: [
        "the connection: the upstream closes it as well",
        "one direction: what the upstream sends can still come",
        "both directions, as soon as the upstream has read the end",
      ],
      correct: 1,
    },
    script: "24-zero-copy/pairs.ts",
    server: "24 zero-copy",
    changes: [["pair.ways.every(", "pair.ways.some("]],
    foundBy: "sends the whole reply after a half-close, and then closes",
    says: /the reply ended after|reset/,
    explained: /the end of the input for the end of the connection/,
    hints: [
      "A proxy has two sockets for each client, and two ways between them. When may it close both?",
      "The end of the input of one way says nothing about the other one.",
      "`pair.ways.some` is true when one way is done. Both have to be.",
    ],
    explanation: "A TCP connection is two streams, and each of them ends by itself: that is what " +
      "shutdown is for. A proxy hands the end of one direction on, and closes when both have " +
      "ended. Closed earlier, what is still on its way back is lost.",
  },
  {
    id: "24.2",
    title: "Write the pump",
    story:
      "The proxy accepts, and connects to the upstream. What goes in at one side does not come " +
      "out at the other.",
    question: {
      asks: "splice moves bytes from a socket into a socket. What has to be in between?",
      answers: [
        "a buffer of the process",
        "nothing: one call connects the two",
        "a pipe, whose pages the kernel hands on",
      ],
      correct: 2,
    },
    script: "24-zero-copy/server.ts",
    changes: [[
      ["  const { from, to, store: pipe } = way;\n", '  return "turn";\n'],
      `  // To be written, with trySplice(from, to, length, FLAGS), which returns how many bytes it
  // has moved, 0 at the end of the input, or -EAGAIN or another error. A turn moves what there is
  // from way.from into way.store.write (the pipe, SIZE at the most), and then from way.store.read
  // into way.to. way.kept is how many bytes are in the pipe, and way.ended is set when no more will
  // come. When neither call moves anything, it is over: "ready"; after any error but EAGAIN,
  // "broken". After 16 turns, others have to be served as well: "turn".
  return "ready";
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /still waiting/,
    limit: 4000,
    hints: [
      "See copying.ts: the same pump with recv and send. What takes the place of its buffer here?",
      "The events are edge-triggered: go on until both calls have nothing to move. A pipe that " +
      "is full and a socket without data both give EAGAIN, so do not stop at the first one.",
      "`const taken = way.ended ? -EAGAIN : trySplice(from, pipe.write, SIZE, FLAGS)` fills the " +
      "pipe, and `trySplice(pipe.read, to, way.kept, FLAGS)` empties it.",
    ],
    explanation: "One side of splice has to be a pipe, so the way leads through one: two calls a " +
      "turn, and no byte enters the process. The pump counts what is in the pipe, since that has " +
      "to go on even if nothing more comes. It stops after 16 turns, and has the event reported " +
      "again, so that one fast client does not keep all others waiting.",
    fromScratch: true,
  },
  {
    id: "24.3",
    title: "One reader stops them all",
    story:
      "A customer pauses a large download. From that moment on the proxy serves nobody, until " +
      "the customer goes on.",
    question: {
      asks: "All sockets of the proxy are non-blocking. Can splice sleep?",
      answers: [
        "no: O_NONBLOCK holds for all calls on a socket",
        "yes: the pipe is a file of its own, and not non-blocking",
        "only while it copies pages",
      ],
      correct: 1,
    },
    script: "24-zero-copy/server.ts",
    changes: [
      [
        `import {
  type Pipe,
  pipe2,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
  trySplice,
} from`,
        "import { type Pipe, pipe2, SPLICE_F_MOVE, trySplice } from",
      ],
      ["const FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;", "const FLAGS = SPLICE_F_MOVE;"],
    ],
    foundBy: "serves others while one client does not read",
    says: /others were not served/,
    explained: /waits until a client that does not read has taken everything/,
    hints: [
      "The server sleeps, but not in epoll_wait. In which call, and for what?",
      "The call has two ends. When the client does not read, its socket is full, and then the " +
      "pipe is.",
      "`const FLAGS = SPLICE_F_MOVE` lets splice wait for room in the pipe: add " +
      "`SPLICE_F_NONBLOCK`.",
    ],
    explanation:
      "By itself, splice waits for room in the pipe, whatever the flags of the socket are. With " +
      "SPLICE_F_NONBLOCK it returns EAGAIN instead, for the pipe. The sockets need O_NONBLOCK as " +
      "well: each end has a flag of its own.",
  },
  {
    id: "24.4",
    title: "Welcome, and goodbye",
    story:
      "When the proxy is at its limit, customers should wait for a moment. They are connected, " +
      "and cut off at once.",
    question: {
      asks:
        "A proxy needs six descriptors for a client, and there are three. What should become of " +
        "the client?",
      answers: [
        "it stays in the queue of the listener until there are more",
        "it is accepted and closed, so that it knows",
        "the oldest client makes room for it",
      ],
      correct: 0,
    },
    script: "24-zero-copy/pairs.ts",
    server: "24 zero-copy",
    changes: [
      [
        ` All that it
   * needs is made first: where descriptors are short, the client stays in the queue.
`,
        "\n",
      ],
      ["      const client = own.adopt(accept4(listener, SOCK_NONBLOCK), close);\n", ""],
      [
        "      const type = SOCK_STREAM",
        "      const client = own.adopt(accept4(listener, SOCK_NONBLOCK), close);\n" +
        "      const type = SOCK_STREAM",
      ],
    ],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: /reset|the reply ended|broken/i,
    limit: 10_000,
    hints: [
      "What does a client need besides its own socket? Count the descriptors.",
      "If one of the later calls fails, all that was made before is closed again. What is among " +
      "it?",
      "`own.adopt(accept4(listener, SOCK_NONBLOCK), close)` comes first, so a client is accepted " +
      "before it is known whether there is a `socket` for the upstream and a `makeStore` for it.",
    ],
    explanation:
      "A client that is accepted cannot be put back into the queue. So a server first gets all " +
      "that can be short, and accepts last: what fails then fails before anybody has noticed. " +
      "The clients in the queue wait, and the server has time until they give up.",
  },
];
