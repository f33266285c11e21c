/**
 * The exercises of lesson 19.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "19.1",
    title: "Four fall, and one gets up",
    story:
      "After a night in which the kernel ran out of memory and killed all four processes, the " +
      "server is four times as slow. The supervisor still runs, and the process list shows three " +
      "entries that nobody has seen before: defunct.",
    question: {
      asks: "Four children die while the supervisor cannot run. How many SIGCHLD does it get?",
      answers: [
        "four, one after another",
        "none: signals are lost while a process does not run",
        "one, which stands for all four",
      ],
      correct: 2,
    },
    script: "19-processes/server.ts",
    changes: [
      [
        `  // Signals coalesce, so one SIGCHLD may stand for several children.
  for (let ended; (ended = waitpid(-1, WNOHANG)) !== undefined;) {
`,
        `  const ended = waitpid(-1, WNOHANG);
  if (ended !== undefined) {
`,
      ],
      [
        `      start(number, SHORTEST_PAUSE);
      continue;
    }
    // A child that dies again and again must not keep the machine busy.
    const wait = Date.now() - started < LONGEST_PAUSE ? pause : SHORTEST_PAUSE;
    const why = \`ended with \${statusText(ended.status)}: started again after \${wait} ms\`;
    setTimeout(start, wait, number, Math.min(2 * wait, LONGEST_PAUSE), why);
  }
`,
        `      start(number, SHORTEST_PAUSE);
    } else {
      // A child that dies again and again must not keep the machine busy.
      const wait = Date.now() - started < LONGEST_PAUSE ? pause : SHORTEST_PAUSE;
      const why = \`ended with \${statusText(ended.status)}: started again after \${wait} ms\`;
      setTimeout(start, wait, number, Math.min(2 * wait, LONGEST_PAUSE), why);
    }
  }
`,
      ],
    ],
    foundBy: "starts all its processes again when they were killed, and leaves no zombie",
    says: /still a zombie/,
    explained: /one SIGCHLD may stand for several/,
    limit: 10_000,
    hints: [
      "A defunct process, a zombie, has ended, and its parent has not asked how. Who asks here?",
      "A signal that is pending already is not queued a second time. So what does one SIGCHLD say?",
      "`waitpid(-1, WNOHANG)` hands over one child. Call it until it returns `undefined`.",
    ],
    explanation:
      "SIGCHLD says that something has happened to children, not how many of them: while " +
      "one is pending, the next ones are merged with it. So the handler asks until no child is " +
      "left to ask about. One that was not asked about stays a zombie, and is not started again.",
  },
  {
    id: "19.2",
    title: "The shop that nobody runs",
    story: "The supervisor was killed with kill -9. The next one cannot start, since the port is " +
      "taken. And customers are still served, by the version of last month.",
    question: {
      asks: "A supervisor is killed with SIGKILL. What becomes of its children?",
      answers: [
        "the kernel kills them with their parent",
        "they run on, with another parent",
        "they end when they next call accept",
      ],
      correct: 1,
    },
    script: "19-processes/child.ts",
    server: "19 processes",
    changes: [
      [
        "import { kill, PR_SET_PDEATHSIG, prctl, SIGKILL } from",
        "import { kill, SIGKILL } from",
      ],
      [
        "// When the supervisor ends, however that happens, the kernel kills this process. If it " +
        `has ended
// already, this process has another parent by now, and no signal would come.
prctl(PR_SET_PDEATHSIG, SIGKILL);
`,
        `// If the supervisor has ended already, this process has another parent by now.
`,
      ],
    ],
    foundBy: "leaves no process behind when it is killed",
    says: /a process was left/,
    explained: /PR_SET_PDEATHSIG/,
    limit: 10_000,
    hints: [
      "Nothing that the supervisor does at its end helps: SIGKILL leaves it no time for that.",
      "So the children have to see to it. Can a process ask the kernel for a signal when its " +
      "parent ends?",
      "`prctl(PR_SET_PDEATHSIG, SIGKILL)` does that. It belongs before the line with " +
      "`task.supervisor`, which looks whether it came too late.",
    ],
    explanation:
      "On Linux, a process survives its parent: init or a subreaper takes it over. What a child " +
      "has inherited stays open, so the port stays taken. With PR_SET_PDEATHSIG, the kernel " +
      "sends a signal when the parent ends, however that happens. The parent may have ended " +
      "before the call, so the child compares its parent with the supervisor afterwards.",
  },
  {
    id: "19.3",
    title: "Write how a supervisor buries and hires",
    story:
      "A process that crashes is never replaced. After four crashes nobody is served, although " +
      "the supervisor runs and listens.",
    question: {
      asks: "A child has ended, and nobody has asked how. What is left of it?",
      answers: [
        "nothing: the kernel frees all that it had",
        "its memory and its sockets, until the supervisor ends",
        "an entry in the process table, with its exit status",
      ],
      correct: 2,
    },
    script: "19-processes/server.ts",
    changes: [
      [
        [
          "  // Signals coalesce, so one SIGCHLD may stand for several children.\n",
          `    setTimeout(start, wait, number, Math.min(2 * wait, LONGEST_PAUSE), why);
  }
`,
        ],
        `  // To be written. waitpid(-1, WNOHANG) hands over a child that has ended, with its pid
  // and status, or undefined if there is none (any more). Each one leaves the map of children.
  // With status 0, it has served its one client: it counts as served, the last of
  // options.connections ends this server with end(0), and start() makes another one at once.
  // Any other status is an accident: start() makes another one after the pause of this child, and
  // what start() is given is twice as long, up to LONGEST_PAUSE. If the child had run for longer
  // than LONGEST_PAUSE, the pause is SHORTEST_PAUSE again. statusText says why it ended.
`,
      ],
    ],
    foundBy: "loses one client with a process that is killed, and no other",
    says: /the next client was not served/,
    explained: /not started again/,
    limit: 10_000,
    hints: [
      "SIGCHLD calls `reap`. What does the map of children have of each: see `start`.",
      "One signal may stand for several children, so ask in a loop. A pause needs a timer, since " +
      "the supervisor must not sleep.",
      "`for (let ended; (ended = waitpid(-1, WNOHANG)) !== undefined;)` asks for all of them; " +
      "`setTimeout(start, wait, number, Math.min(2 * wait, LONGEST_PAUSE), why)` is the pause.",
    ],
    explanation:
      "A supervisor reaps in a loop, since signals coalesce. It forgets the process id " +
      "first, which may be another process's from then on. And it starts the next one after a " +
      "pause that doubles: a program that dies at its start would otherwise be started thousands " +
      "of times.",
    fromScratch: true,
  },
];
