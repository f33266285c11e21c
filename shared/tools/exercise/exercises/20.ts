/**
 * The exercises of lesson 20.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "20.1",
    title: "Everybody runs to the door",
    story:
      "On the large machine with 64 cores, the server uses more CPU time for each client than " +
      "on the old one with two. All replies are correct.",
    question: {
      asks: "Four loops sleep, and one client connects. How many of them wake up?",
      answers: [
        "one: the kernel knows that one client needs one loop",
        "all four, and three of them find nothing",
        "one after another, until one of them accepts",
      ],
      correct: 1,
    },
    script: "20-loop-per-core/shared.ts",
    changes: [
      [
        ` With EPOLLEXCLUSIVE, the kernel wakes one of those
 * that sleep when a client connects. With --herd it wakes all of them, and one gets the client:
 * that is the thundering herd.
`,
        ` Each client
 * belongs to the loop that accepts it.
`,
      ],
      [" * Man:  epoll_ctl(2) (EPOLLEXCLUSIVE), epoll(7)\n", " * Man:  epoll_ctl(2), epoll(7)\n"],
      [
        `import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLLEXCLUSIVE,
} from "../../shared/linux/epoll.ts";
`,
        'import { epoll_create1, epoll_ctl, EPOLL_CTL_ADD } from "../../shared/linux/epoll.ts";\n',
      ],
      ['import { flag } from "../../shared/options.ts";\n', ""],
      [', herd: flag("wake all loops up") }', " }"],
      [
        "const interest = options.herd ? READ : READ | EPOLLEXCLUSIVE;\n",
        "const interest = READ;\n",
      ],
    ],
    foundBy: "wakes one loop at most for a client that connects",
    says: /a client woke [2-4]\.\d of 4 loops/,
    explained: /EPOLLEXCLUSIVE/,
    limit: 10_000,
    hints: [
      "Each loop has an epoll instance, and all of these watch one listener. What does the " +
      "kernel know of what they will do?",
      "The page epoll_ctl(2) has a flag for that: it wakes one or more of the instances, and " +
      "not all.",
      "`const interest = READ;` is what each loop watches the listener for: add `EPOLLEXCLUSIVE`.",
    ],
    explanation:
      "To an epoll instance, a client in the queue of the listener is an event like any other, " +
      "so each instance that watches it wakes the thread that sleeps there. One of them " +
      "accepts, and the others get EAGAIN: the thundering herd. With EPOLLEXCLUSIVE, the kernel " +
      "stops at the first instance whose thread it could wake. The flag is allowed with " +
      "EPOLL_CTL_ADD alone.",
  },
  {
    id: "20.2",
    title: "Two versions of the truth",
    story:
      "Since the last update, half of the customers see the new prices, and half the old ones. " +
      "The update went well: the new server printed where it listens, and reported no error.",
    question: {
      asks: "The old server still runs, and the new one is started on the same port. What happens?",
      answers: [
        "the new one reports that the port is taken",
        "the new one gets all clients from then on",
        "both listen, and the kernel chooses one of them for each client",
      ],
      correct: 2,
    },
    script: "20-loop-per-core/server.ts",
    changes: [
      [
        "// With SO_REUSEPORT, a second server could listen on the same port as well. So the " +
        `port is claimed
// by a socket without it, which fails if others listen there. It does not listen itself.
const claim = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
setsockopt(claim, SOL_SOCKET, SO_REUSEADDR, 1);
bind(claim, options);
const address = getsockname(claim);
const listeners = Array.from({ length: options.loops }, listener);
close(claim);
`,
        `const first = listener(options);
const address = getsockname(first); // with port 0, the kernel has chosen one
const others = Array.from({ length: options.loops - 1 }, () => listener(address));
const listeners = [first, ...others];
`,
      ],
      ["import {\n  AF_INET,", "import {\n  type Address,\n  AF_INET,"],
      ["function listener(): number {", "function listener(address: Address): number {"],
    ],
    foundBy: "reports in one line that its port is taken",
    says: /should have ended/,
    explained: /SO_REUSEPORT is set/,
    hints: [
      "Look at what is set on a listener before it is bound. What does each option allow?",
      "SO_REUSEPORT lets several sockets have one port. Whose sockets?",
      "`SO_REUSEPORT` is on all sockets here. Bind one without it first, as a claim to the port, " +
      "and close it when the `listeners` are there.",
    ],
    explanation:
      "SO_REUSEPORT lets all sockets of one user that have set it share a port, whichever " +
      "process they belong to. So a second server is no error any more, and the kernel deals " +
      "the clients out to both. A socket without the option cannot be bound to a port at which " +
      "others listen: bound first, it is the check that was lost.",
  },
];
