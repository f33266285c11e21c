/**
 * The exercises of lesson 01.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "01.1",
    title: "One customer too many",
    story: "The server runs for days. Then a phone loses its network in the middle of a request, " +
      "and after that no customer can connect any more: connection refused.",
    question: {
      asks: "One client resets its connection. Who notices?",
      answers: [
        "nobody else: the kernel drops that connection",
        "every client from then on: the server ends",
        "the next client in the queue, once",
      ],
      correct: 1,
    },
    script: "01-blocking/server.ts",
    changes: [["    if (!isSystemError(error)) throw error;\n", "    throw error;\n"]],
    foundBy: "survives the resets of idle clients",
    says: /the server ended/,
    hints: [
      "The last line on stderr names the call that failed, and its error.",
      "`recv` throws ConnectionReset when the client is gone. Whose problem is that?",
      "The `catch` block passes every error on. One kind of error concerns this client alone: " +
      "see `isSystemError`.",
    ],
    explanation: "A reset connection makes recv fail with ECONNRESET, or send with EPIPE. Both " +
      "concern one client: its connection is closed, and the server goes on. Any other error is " +
      "a bug in the script, and hiding it would be a fault of its own.",
  },
];
