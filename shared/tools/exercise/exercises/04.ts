/**
 * The exercises of lesson 04.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "04.1",
    title: "One slow customer",
    story: "Most days the server is quick. Then somebody fetches a large report over a bad " +
      "line, and all others wait until that report has arrived.",
    question: {
      asks: "A client does not read its reply. Where is the server's thread meanwhile?",
      answers: [
        "asleep in send",
        "asleep in select",
        "awake: it tries to send the rest again and again",
      ],
      correct: 2,
    },
    script: "04-select/server.ts",
    changes: [[
      `  // What the socket does not take is kept, and sent by flush.
  return connection.send(shout(buffer, length), length);
`,
      `  let want = connection.send(shout(buffer, length), length);
  while (want === WRITE) want = connection.flush();
  return want;
`,
    ]],
    foundBy: "serves others while one client does not read",
    says: /others were not served/,
    explained: /waits until a client that does not read/,
    hints: [
      "The server waits for room in one socket, but not where it waits for all sockets.",
      "A handler that does not return holds up everybody. What should `serve` return when the " +
      "socket is full?",
      "The loop with `connection.flush()` goes on until the client has taken everything: return " +
      "what `connection.send` returns, and let the main loop wait.",
    ],
    explanation: "A server with one thread has one place where it may wait, and that is select. " +
      "If the socket does not take everything, the connection keeps the rest and wants to WRITE; " +
      "select reports it when there is room again, and others are served in between.",
  },
  {
    id: "04.2",
    title: "Sixty-four and no more",
    story: "On the day of the sale, more customers come than the server may have descriptors. " +
      "Those that are connected notice nothing. But the machine gets hot, and the hosting bill " +
      "doubles.",
    question: {
      asks: "accept4 fails since no descriptor is free. What does select report next?",
      answers: [
        "the listener, at once: the client is still in the queue",
        "the listener, when the next client connects",
        "the listener, when a descriptor is free again",
      ],
      correct: 0,
    },
    script: "04-select/server.ts",
    changes: [[
      `  // The listener stays ready while descriptors are short, so the next wait leaves it out.
  else if (isOutOfResources(fd)) pause = 100;
`,
      "  else if (isOutOfResources(fd)) return;\n",
    ]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: /% of a core/,
    explained: /stop accepting for a while/,
    limit: 20_000,
    hints: [
      "Nobody is answered wrongly. Count the calls instead: how often does select return while " +
      "nothing happens?",
      "The client that could not be accepted stays in the queue. As long as it takes, the " +
      "listener is ready.",
      "After `isOutOfResources`, set `pause` to a time, so that the next `select` leaves the " +
      "listener out for so long.",
    ],
    explanation: "An accept4 that fails with EMFILE leaves the client in the queue, so the " +
      "listener stays ready, and select returns at once. A server that does not look at the " +
      "listener for 100 ms sleeps instead, and tries again when a client may have gone.",
  },
  {
    id: "04.3",
    title: "Always ready",
    story: "One idle customer is enough: the replies are correct, and the machine is as busy as " +
      "if thousands were writing.",
    question: {
      asks: "When is a socket ready for writing?",
      answers: [
        "when the client reads",
        "nearly always",
        "when there is something to write",
      ],
      correct: 1,
    },
    script: "04-select/server.ts",
    changes: [[
      "    (want === WRITE ? writable : readable).add(fd);\n",
      `    writable.add(fd);
    if (want !== WRITE) readable.add(fd);
`,
    ]],
    foundBy: "uses no CPU while there is nothing to do",
    says: /% of a core/,
    explained: /it never sleeps/,
    limit: 10_000,
    hints: [
      "The call of select returns at once, each time. Which of the two sets has something in it?",
      "Ready for writing means that the kernel's buffer has room. How often is it full?",
      "A `fd` belongs into `writable` only if the connection's `want` is `WRITE`.",
    ],
    explanation: "Room in a socket is the usual state, so a loop that asks for it gets it at " +
      "once, and never sleeps. A server asks for room only while it has bytes to send that the " +
      "socket did not take, and for input otherwise.",
  },
  {
    id: "04.4",
    title: "Write the select loop",
    story: "The server opens its port, and ends at once. What it has to do between the two is " +
      "still missing: wait for all sockets with one call, and serve those that are ready.",
    question: {
      asks: "select has returned. What is in the set of readable descriptors?",
      answers: [
        "what was put into it",
        "only those that are ready",
        "those that are ready, and those that were ready before",
      ],
      correct: 1,
    },
    script: "04-select/server.ts",
    changes: [[
      [
        "while (served < options.connections) {\n",
        `  if (readable.has(listener)) acceptOne();
}
`,
      ],
      `// To be written: the loop, which ends when \`served\` has reached options.connections.
// A round
// - clears the sets \`readable\` and \`writable\`, and adds every descriptor to one of them: the
//   listener (but not during a \`pause\`), and each connection according to what it \`want\`s;
// - calls select(nfds, readable, writable, null, pause), after which the pause is over;
// - calls serve() for each connection that a set still has, and drop() if that returned GONE;
// - calls acceptOne() if the listener is readable.
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /the server ended with exit code 0|refused/,
    hints: [
      "Begin with the listener alone: a server that accepts, and then with one that reads.",
      "The sets are request and answer in one, so they are filled anew for each call. `select` " +
      "also wants the highest descriptor in any of them, plus 1.",
      "In a loop over `connections`, add `fd` to `writable` if `want` is `WRITE`, else to " +
      "`readable`; after `select`, ask both with `has(fd)`.",
    ],
    explanation: "The answer overwrites the sets, so a loop goes through all " +
      "connections twice: once to ask, once to read the answer. A connection is in one of the " +
      "sets only: what waits for room is not read meanwhile, which bounds the memory.",
    fromScratch: true,
  },
];
