/** Faults of a server with processes: of its supervisor, and of what the processes run. */

import { type Edit, testEdits } from "./mutants.ts";

const EDITS: Edit[] = [
  {
    name: "ends all children when one has died",
    changes: [[
      "    children.delete(ended.pid);\n",
      `    children.delete(ended.pid);
    for (const pid of children.keys()) kill(pid, SIGKILL);
`,
    ]],
    foundBy: "loses one client with a process that is killed, and no other",
    says: /^4 of 4 clients were lost/,
    explained: /depend on each other/,
  },
  {
    name: "always pauses for the same time",
    changes: [["Math.min(2 * wait, LONGEST_PAUSE)", "SHORTEST_PAUSE"]],
    foundBy: "pauses for longer each time that a process dies",
    says: /pauses did not grow/,
    explained: /without end/,
  },
  {
    name: "does not end its children",
    changes: [["  for (const pid of children.keys()) kill(pid, SIGKILL);\n", ""]],
    foundBy: "has ended its processes, and waited for them, when SIGTERM has ended it",
    says: /did not end/,
    explained: /nothing ends them/,
  },
  {
    name: "leaves orphans when it ends",
    changes: [
      ["  for (const pid of children.keys()) kill(pid, SIGKILL);\n", "  Deno.exit(code);\n"],
      ["prctl(PR_SET_PDEATHSIG, SIGKILL);\n", ""],
    ],
    foundBy: "has ended its processes, and waited for them, when SIGTERM has ended it",
    says: /a process was left/,
    explained: /wait for each/,
  },
  {
    name: "has children that do not end after the last client",
    changes: [["while (!task.once);", "while (true);"]],
    foundBy: "ends after the number of clients in --connections",
    says: /did not end/,
    explained: /not counted/,
  },
  {
    name: "has a child that never sleeps",
    changes: [["do serve(", "while (task.number === 4);\ndo serve("]],
    foundBy: "uses no CPU while there is nothing to do",
    says: /% of a core/,
    explained: /never sleeps/,
  },
  {
    name: "has children that keep all that they have received",
    changes: [
      ["const crash =", "const all: Uint8Array[] = [];\nconst crash ="],
      ["      sendAll(", "      all.push(buffer.slice(0, length));\n      sendAll("],
    ],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /memory grew by/,
    explained: /pile up/,
  },
];

// One after another, since each of them starts five processes, or more.
testEdits("19 processes", EDITS.map((edit) => ({ ...edit, alone: true, limit: 10_000 })));
