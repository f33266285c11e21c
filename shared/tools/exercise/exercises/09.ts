/**
 * The exercises of lesson 09.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "09.1",
    title: "Pages are missing",
    story: "Customers that read slowly receive the first part of a long reply, and then the end " +
      "of the connection.",
    question: {
      asks: "An IORING_OP_SEND of 64 KiB has completed. How much was sent?",
      answers: [
        "64 KiB: the kernel goes on until all is sent",
        "as many bytes as the completion says, which may be fewer",
        "that is not known before the client confirms it",
      ],
      correct: 1,
    },
    script: "09-io-uring/server.ts",
    changes: [
      ["  // With MSG_WAITALL, the kernel goes on after a partial send by itself.\n", ""],
      ["length, MSG_WAITALL);", "length);"],
      ["isOutOfResources, listenTcp, MSG_WAITALL }", "isOutOfResources, listenTcp }"],
    ],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /bytes of the reply are missing|^byte \d+ of the reply is|reset/,
    explained: /send took fewer bytes|closes before all is sent/,
    hints: [
      "The server closes these connections itself: `sent` decides that.",
      "A send may be partial, also through io_uring. Who is to go on with the rest?",
      "A flag of `ring.send` makes the kernel go on by itself: `MSG_WAITALL`.",
    ],
    explanation:
      "A socket takes what it has room for, and the completion says how much that was. " +
      "The server could submit the rest itself. With MSG_WAITALL the kernel does it, and " +
      "completes the operation when all is sent; fewer bytes then mean a broken connection.",
  },
  {
    id: "09.2",
    title: "Letters in wrong envelopes",
    story: "A customer that reads slowly gets its own letter at first, then a page of another " +
      "customer's letter. The lawyers have been informed.",
    question: {
      asks: "An operation was submitted. To whom does its buffer belong now?",
      answers: [
        "to the kernel, until the operation completes",
        "to the program: the kernel copies it at submission",
        "to both: the kernel only reads it",
      ],
      correct: 0,
    },
    script: "09-io-uring/provided.ts",
    changes: [
      [
        "  ring.send(connection.fd, buffer, length, MSG_WAITALL);\n",
        "  ring.send(connection.fd, buffer, length, MSG_WAITALL);\n  buffers.release(buffer);\n",
      ],
      ["  buffers.release(connection.buffer!);\n", ""],
      ["  if (buffer !== undefined) buffers.release(buffer);\n", ""],
      ["function drop({ fd, buffer }: Connection) {", "function drop({ fd }: Connection) {"],
    ],
    foundBy: "serves others while one client does not read",
    says: /byte \d+ of the reply/,
    explained: /buffer that is received into again/,
    hints: [
      "The bytes are correct when they are put into the buffer. Who writes there before they are " +
      "sent?",
      "A buffer that was given back may be used at once, for whatever arrives next. When has the " +
      "kernel finished with a buffer that it sends?",
      "`buffers.release` comes right behind `ring.send`: give the buffer back in `sent`, and in " +
      "`drop`.",
    ],
    explanation:
      "A call of ring.send only says what is to be done. The kernel reads the buffer when the " +
      "client has room, which may be seconds later. Until the completion, the buffer is not the " +
      "program's, so it is given back in the handler of that completion.",
  },
  {
    id: "09.3",
    title: "Write the completion handler",
    story: "The server says what it wants done, and the kernel does it. Then nothing happens: " +
      "nobody has written down yet what follows from a completion.",
    question: {
      asks: "The handler is empty. How many clients are connected, as far as the clients know?",
      answers: [
        "none",
        "one: the server has asked for one accept",
        "all: the kernel puts them into its queue",
      ],
      correct: 2,
    },
    script: "09-io-uring/server.ts",
    changes: [[
      [
        "  if (op === IORING_OP_ACCEPT) accepted(result);\n",
        `  ring.recv(connection.fd, connection.memory);
}
`,
      ],
      `  // To be written: what follows from the completion of
  // - IORING_OP_ACCEPT: \`result\` is a new descriptor. It gets a Connection with MappedMemory of
  //   64 KiB, into which ring.recv() receives; and the ring accepts the next client. A result for
  //   which isOutOfResources() is true is followed by ring.timeout(100) and nothing else; for
  //   -ECONNABORTED, it accepts the next client; any other error is thrown as a systemError().
  // - IORING_OP_TIMEOUT: the ring accepts again.
  // - IORING_OP_RECV: \`result\` bytes are in the memory of the connection of \`fd\`. Shout them,
  //   note their number, and ring.send() them with MSG_WAITALL; with 0 or an error, drop() it.
  // - IORING_OP_SEND: receive what comes next; if it sent fewer bytes than it should, drop() it.
}
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /still waiting/,
    limit: 2500,
    hints: [
      "Write the first case alone, and print what `completed` gets: a descriptor. Then receive.",
      "Each operation completes once. So each handler has to submit the operation that follows, " +
      "or the connection comes to its end there.",
      "The circle is `IORING_OP_RECV`, then `ring.send`, then `IORING_OP_SEND`, then " +
      "`ring.recv`; and after each `IORING_OP_ACCEPT`, `ring.accept` again.",
    ],
    explanation: "An operation is submitted once and completes once: a server over io_uring is a " +
      "circle of completions, each of which submits what follows. The next recv comes only after " +
      "the send, since both use the same memory, and so that a client that does not read its " +
      "replies gets nothing more read from it.",
    fromScratch: true,
  },
];
