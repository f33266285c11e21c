/**
 * The exercises of lesson 21.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "21.1",
    title: "The fan that never stops",
    story:
      "The machine is quiet until somebody sends the first order with work. From then on its " +
      "fan runs day and night, although all orders have been answered.",
    question: {
      asks: "A thread has added to the eventfd, and the loop has collected the result. What does " +
        "the next epoll_wait do?",
      answers: [
        "it sleeps: an event is reported once",
        "it returns at once, and so does every one after it",
        "it sleeps until the next thread has finished, and then reports both",
      ],
      correct: 1,
    },
    script: "21-computing/offload.ts",
    changes: [
      [
        "  tryReadEventfd(done); // first: of a result that comes later, epoll will report the " +
        "eventfd again\n",
        "",
      ],
      ["import { eventfd, tryReadEventfd } from", "import { eventfd } from"],
    ],
    foundBy: "sleeps when everything is computed",
    says: /% of a core/,
    explained: /the eventfd is not read/,
    limit: 20_000,
    hints: [
      "The loop does not sleep. Which of its descriptors is ready, although nothing is to do?",
      "Here, epoll is level-triggered: it reports a descriptor for as long as it is ready. What " +
      "makes an eventfd stop being ready?",
      "`collect` takes the results out of the queue, and nobody reads `done`: `tryReadEventfd` " +
      "does.",
    ],
    explanation:
      "An eventfd is a counter in the kernel, and it is readable while the counter is not " +
      "zero. Only read sets it to zero. It has to be read before the results are collected: a " +
      "result that comes in between is then reported again, and not overlooked.",
  },
  {
    id: "21.2",
    title: "Somebody else's bill",
    story:
      "Now and then a customer receives a page that it has not asked for. It seems to be meant " +
      "for a customer who has just left.",
    question: {
      asks:
        "A client leaves while a thread computes its reply, and another one comes. Who may get " +
        "the reply?",
      answers: [
        "nobody: send fails with EBADF",
        "the new client, which has the descriptor of the old one",
        "the old client, when it connects again",
      ],
      correct: 1,
    },
    script: "21-computing/offload.ts",
    changes: [[
      `  if (want === GONE) {
    held.delete(connection);
    jobs.cancel(connection); // its result must not go to the next client with its descriptor
  }
`,
      "  if (want === GONE) held.delete(connection);\n",
    ]],
    foundBy: "gives nobody the reply of a client that has gone, whose message a thread computes",
    // If nobody has the number yet when the result comes, the call on it ends the server.
    says: /byte \d+ of the reply|longer than the message|the server ended/,
    limit: 20_000,
    hints: [
      "Follow a message with work: `held`, a place in `jobs`, a thread, `collect`. Where is it " +
      "when its client leaves?",
      "After close, the kernel gives the number to the next connection. Who still has " +
      "the old number then?",
      "`advance` forgets what waits in `held`, but not what a thread may compute: `jobs.cancel` " +
      "does.",
    ],
    explanation:
      "A descriptor is a number, and it means whatever it was last given to. A program that " +
      "keeps it for longer than the connection lasts may write to somebody else. So a client " +
      "that goes takes back all that is under way for it: what waits for a place, and what a " +
      "thread has.",
  },
  {
    id: "21.3",
    title: "Second come, first served",
    story:
      "A customer orders, and then asks for the time. It gets the time first, and files it as " +
      "the confirmation of its order.",
    question: {
      asks:
        "A client sends a message with work, and a short one behind it. In which order are the " +
        "replies sent?",
      answers: [
        "in the order of the messages: TCP keeps it",
        "in the order in which they are ready",
        "it depends on how many threads there are",
      ],
      correct: 1,
    },
    script: "21-computing/offload.ts",
    changes: [
      [
        `; undefined for a thread. */
function serve(connection: Connection): Want | undefined {`,
        `. */
function serve(connection: Connection): Want {`,
      ],
      [
        "  // Nothing more is read from this client until its reply is sent, so its replies stay " +
        "in order.\n",
        "",
      ],
      ["  handOver();\n}\n\n/** Fills", "  handOver();\n  return READ;\n}\n\n/** Fills"],
    ],
    foundBy: "sends the replies of one client in the order of its messages",
    says: /byte \d+ of the reply/,
    explained: /overtakes the work/,
    limit: 20_000,
    hints: [
      "TCP keeps the order of what is sent. Who decides what is sent first?",
      "While a thread computes, the loop goes on. What does it do with the next message of the " +
      "same client?",
      "`return READ` behind `handOver()` lets epoll report the next message of a client whose " +
      "work is not done.",
    ],
    explanation:
      "What goes to several threads comes back in any order. The simplest cure: a client " +
      "has one message under way, and nothing more is read from it until the reply is sent. What " +
      "it sends meanwhile waits in the kernel, and slows it down. A server that computes several " +
      "messages of a client at once has to number them, and to sort the results.",
  },
];
