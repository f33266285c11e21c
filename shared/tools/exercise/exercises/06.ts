/**
 * The exercises of lesson 06.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "06.1",
    title: "A laptop that was closed",
    story: "The server runs on a laptop. When it was paused in its terminal, with Ctrl-Z, and " +
      "continued, it is gone: no message, exit code 0.",
    question: {
      asks: "epoll_wait returns without anything to report, and had no time limit. Why?",
      answers: [
        "that cannot happen",
        "all of its descriptors were closed",
        "a signal has interrupted it",
      ],
      correct: 2,
    },
    script: "06-epoll/server.ts",
    changes: [[
      "  if (pause !== undefined) watchListener(true);\n",
      `  if (pause !== undefined) watchListener(true);
  else if (ready === 0) break;
`,
    ]],
    foundBy: "carries on after it was stopped and continued",
    says: /the server ended with exit code 0/,
    explained: /EINTR/,
    hints: [
      "Nothing failed: the loop ended by itself. Which ways out of it are there?",
      "The man page of epoll_wait has a section on errors. One of them is none of the server's " +
      "business, and our function returns 0 for it.",
      "If `ready === 0`, there is nothing to do, and that is all: do not `break`.",
    ],
    explanation: "A signal interrupts a call that waits: EINTR. On Linux, epoll_wait returns it " +
      "even for a process that was only stopped and continued. It says nothing about the " +
      "sockets, so the loop goes round once more, and waits again.",
  },
  {
    id: "06.2",
    title: "Large letters get stuck",
    story: "Since the server was made faster, short messages are answered at once. Long ones get " +
      "stuck in the middle. If the customer sends one more byte, the reply goes on a bit.",
    question: {
      asks: "The server has read a part of what had arrived. When is it notified of the rest?",
      answers: [
        "at once: the socket is still readable",
        "when more arrives",
        "never",
      ],
      correct: 1,
    },
    script: "06-epoll/edges.ts",
    changes: [
      [
        ` In return, the server has to read until EAGAIN: what it leaves
 * unread is not reported again.
`,
        "\n",
      ],
      [
        "/** Serves a client until EAGAIN, since what is left now is not reported again. */",
        "/** Serves a client. */",
      ],
      ["turn < 16", "turn < 1"],
      [
        "  // A client that never stops sending would keep us in the loop. Re-arming it makes " +
        `epoll report it
  // again, after the others. WRITE needs none: room in the socket is an edge of its own.
  if (want === READ) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EDGES);
`,
        "",
      ],
    ],
    foundBy: "answers 1 MiB",
    says: /still waiting/,
    explained: /edge-triggered.* until EAGAIN/,
    limit: 2500,
    hints: [
      "The server sleeps in epoll_wait while bytes lie unread in the kernel.",
      "EPOLLET reports that a socket becomes ready, not that it is ready. What has to happen to " +
      "all bytes that are there, before the next call of epoll_wait?",
      "The loop in `drain` reads once (`turn < 1`). Read until `EAGAIN`; and since the others " +
      "have to have their turn, re-arm the client with `EPOLL_CTL_MOD` if you stop before.",
    ],
    explanation: "With EPOLLET, a socket is reported when it becomes ready. If the server leaves " +
      "bytes unread, the socket stays ready, and nothing becomes anything. So it reads until " +
      "EAGAIN, or has the kernel look again: EPOLL_CTL_MOD reports what is there.",
  },
  {
    id: "06.3",
    title: "Only once",
    story: "What a customer sends right after it has connected is answered, if it is quick. What " +
      "it sends later is not: it might as well hang up.",
    question: {
      asks: "A descriptor with EPOLLONESHOT has been reported. When is it reported again?",
      answers: [
        "when the next bytes arrive",
        "when it has been re-armed and is ready",
        "never",
      ],
      correct: 1,
    },
    script: "06-epoll/edges.ts",
    changes: [
      [
        `ready, and nothing has to be changed
 * in the kernel's list afterwards. In return, the server has to read until EAGAIN: what it leaves
 * unread is not reported again.
`,
        `ready. So the server has to read until
 * EAGAIN: what it leaves unread is not reported again.
`,
      ],
      ["  EPOLLIN,\n  EPOLLOUT,\n", "  EPOLLIN,\n  EPOLLONESHOT,\n  EPOLLOUT,\n"],
      ["EPOLLIN | EPOLLOUT | EPOLLET;", "EPOLLIN | EPOLLOUT | EPOLLET | EPOLLONESHOT;"],
      [
        `  // again, after the others. WRITE needs none: room in the socket is an edge of its own.
  if (want === READ) epoll_ctl(`,
        `  // again, after the others.
  if (want !== GONE) epoll_ctl(`,
      ],
    ],
    foundBy: "answers a message that arrives one byte at a time",
    says: /still waiting/,
    explained: /edge-triggered/,
    limit: 2500,
    hints: [
      "The server sleeps while bytes lie unread. For which events does it watch that socket?",
      "`drain` has several ways out. On which of them is the kernel's list brought up to date?",
      "With `EPOLLONESHOT`, the way out at `EAGAIN` leaves the socket disarmed. Without that " +
      "flag, only a client that is left early has to be re-armed.",
    ],
    explanation: "With EPOLLONESHOT, a report disarms the descriptor, so every way out of the " +
      "handler has to re-arm it, the one at EAGAIN too. EPOLLET alone stays armed: each edge is " +
      "reported once. Only if bytes are left is there a reason to re-arm it.",
  },
  {
    id: "06.4",
    title: "Write the epoll loop",
    story: "The server opens its port, and ends at once. The kernel has its list, with the " +
      "listener in it; nobody asks yet which of the sockets are ready.",
    question: {
      asks: "Of 5,000 clients, two have sent something. How many reports are there?",
      answers: [
        "two",
        "5,000, two of which say that something is there",
        "one, with two bits in it",
      ],
      correct: 0,
    },
    script: "06-epoll/server.ts",
    changes: [[
      [
        "while (served < options.connections) {\n",
        `  }
}
`,
      ],
      `// To be written: the loop, which ends when \`served\` has reached options.connections.
// A round
// - calls epoll_wait(epoll, events, pause), which returns how many reports there are;
// - calls watchListener(true) if that was a \`pause\`: it is over;
// - for each report, finds the connection of events.fd(i), and calls advance() with it. The
//   descriptor without a connection is the listener, for which it calls acceptOne().
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /the server ended with exit code 0|refused/,
    hints: [
      "Compare the loop with poll's in lesson 05: which of its parts has the kernel taken over?",
      "The reports are in `events`, from index 0 on. Those behind the last one are left over " +
      "from earlier calls.",
      "For each `i` below what `epoll_wait` has returned, look up `events.fd(i)` in " +
      "`connections`: `advance` it, or `acceptOne` if there is none.",
    ],
    explanation: "The kernel returns only what is ready, so the loop is as long as the number of " +
      "reports, however many clients there are. The kernel keeps the list between the calls: " +
      "advance changes it only when a client wants something else than before.",
    fromScratch: true,
  },
];
