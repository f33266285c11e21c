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
      "satisfies Task);\n",
      "satisfies Task);\n  close(connection);\n",
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
  {
    id: "02.2",
    title: "A good day for business",
    story: "With thirty customers at a time, all was well. Today there are sixty, and in the " +
      "middle of the rush the server is gone, and all of its customers with it.",
    question: {
      asks: "What does a thread of this server need that there is only so much of?",
      answers: [
        "one descriptor, for its client",
        "several descriptors: its engine waits with some of its own",
        "a core",
      ],
      correct: 1,
    },
    script: "02-threads/server.ts",
    changes: [
      [
        "  Atomics.wait(running, 0, most); // sleeps while the number of threads is at its limit\n",
        "",
      ],
    ],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: /the server ended/,
    limit: 40_000,
    hints: [
      "The first line on stderr says what failed, and in which thread: it could not even load " +
      "its module.",
      "A thread that cannot start cannot refuse its client politely either. Where must the " +
      "server decide that there are enough?",
      "The number of threads is in `running`, and `most` is the limit. Before `accept`, let " +
      "`Atomics.wait` sleep while the two are equal.",
    ],
    explanation: "Each thread has an engine of its own, with descriptors for its event loop. If " +
      "they run out in the middle of its start, the thread fails, and takes the process with it. " +
      "So the server stops accepting before: clients wait in the queue, where they cost little.",
  },
];
