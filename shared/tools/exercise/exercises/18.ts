/**
 * The exercises of lesson 18.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "18.1",
    title: "Gone after a good start",
    story:
      "In every demonstration the server works. On its first real day it is gone after a few " +
      "minutes, at a different time on each machine. The log has no error, and the exit code is 0.",
    question: {
      asks: "Eight threads accept from one socket, and 20 clients come at once. How many of them " +
        "are served?",
      answers: [
        "all 20: the others wait in the queue of the listener",
        "eight, and then the server is gone",
        "eight, and the others wait until the server is stopped",
      ],
      correct: 1,
    },
    script: "18-thread-pool/thread.ts",
    server: "18 thread-pool",
    changes: [
      [": accept, serve, and again. A thread", ". A thread"],
      ["  while (Atomics.add", "  if (Atomics.add"],
    ],
    foundBy: "answers 20 clients at once",
    says: /the server ended with exit code 0/,
    explained: /its loop ends although nothing asked it to/,
    hints: [
      "A process ends when its last thread has ended. What makes a thread end here?",
      "Follow one thread from its start. What does it do when its first client has gone?",
      "`if (Atomics.add(accepted, 0, 1) < connections)` is asked once. A thread of a pool has to " +
      "ask it again after each client.",
    ],
    explanation:
      "A thread of a pool outlives its clients: that is what a pool is for. With `if`, each " +
      "thread serves one client and ends, and the process ends with the last of them. With " +
      "`while`, a thread goes back to accept until there are as many clients as --connections " +
      "says.",
  },
  {
    id: "18.2",
    title: "Lost between the door and the desk",
    story: "On ordinary days every customer is served. When a bus arrives, some of them connect " +
      "and never hear anything, and they still wait when everybody else has left.",
    question: {
      asks: "The queue has 16 places, and all threads are busy. What does the next client see?",
      answers: [
        "its connection is refused",
        "it is connected, and gets no reply even when the threads are free again",
        "it is connected, and gets its reply when a thread is free",
      ],
      correct: 1,
    },
    script: "18-thread-pool/queue.ts",
    changes: [
      [
        ` When the queue is
 * full, accepting waits. worker.ts shows what the other threads do.`,
        ` worker.ts shows
 * what the other threads do.`,
      ],
      [
        `  // Sleeps in accept until a client connects, and in put while the queue is full.
  queue.put(accept(listener));
`,
        `  // Sleeps in accept until a client connects.
  queue.tryPut(accept(listener));
`,
      ],
    ],
    foundBy: "accepts hundreds of clients that connect at once",
    says: /still waiting/,
    explained: /a client is lost/,
    limit: 4000,
    hints: [
      "The kernel has connected all of them. Which part of the server has each of them next?",
      "A queue of 16 places has no room for a 17th. There are three things that one can do then: " +
      "wait, refuse, or forget.",
      "`queue.tryPut` returns false when there is no room, and nobody looks at that.",
    ],
    explanation:
      "Since tryPut does not wait, its result says whether the descriptor is in the queue. " +
      "Where that is ignored, a client is connected, and nobody will ever read what it sends. " +
      "With `put`, the main thread sleeps until there is room, and the clients behind it wait " +
      "in the queue of the listener. To close the connection at once would be honest as well.",
  },
];
