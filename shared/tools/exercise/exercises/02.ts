/**
 * The exercises of lesson 02.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "02.1",
    title: "Handed over",
    story: "A server that starts a process for each client was rewritten with threads, line by " +
      "line. Since then the customers are connected, and disconnected at once.",
    question: {
      asks: "The main thread closes a descriptor that it has handed to another thread. What then?",
      answers: [
        "nothing: the other thread has a descriptor of its own",
        "the connection ends: a descriptor belongs to the whole process",
        "the connection ends when the other thread closes it as well",
      ],
      correct: 1,
    },
    script: "02-threads/server.ts",
    changes: [[
      "  thread.postMessage({ connection, running, number: served + 1, accepted } satisfies Task);\n",
      `  thread.postMessage({ connection, running, number: served + 1, accepted } satisfies Task);
  close(connection);
`,
    ]],
    foundBy: "answers a message that arrives one byte at a time",
    says: /ended after|reset|broken pipe/i,
    limit: 6000,
    hints: [
      "Follow the descriptor of one client: who closes it, and when?",
      "After fork(2), parent and child have a descriptor each. What do threads have?",
      "`close(connection)` in the main thread closes the only descriptor there is: leave that to " +
      "the `thread`.",
    ],
    explanation: "A process that forks has to close the connection in the parent, since the " +
      "child has a copy of the descriptor. Threads share the descriptors of their process. So " +
      "exactly one of them closes it: the one that works with it last.",
  },
];
