/** Faults of a server that hands its computations to threads. */

import { HANGS, testEdits } from "./mutants.ts";

const FULL = "answers every message with work when there are more of them than places";
const PUT = "if (!jobs.tryPut(connection, message)) return;";

/** For a scenario that computes, on a busy machine, in milliseconds. */
const PATIENT = 20_000;

testEdits("21 computing offload", [
  {
    name: "hands over the message of a client that has gone",
    changes: [["    held.delete(connection);\n    jobs.cancel", "    jobs.cancel"]],
    foundBy: "gives nobody the reply of a client that has gone, whose message waits for a place",
    says: /^byte \d+ of the reply|longer than the message/,
    explained: /somebody else's by now/,
    limit: PATIENT,
    alone: true,
  },
  {
    name: "loses what finds the queue full",
    changes: [[PUT, "jobs.tryPut(connection, message);"]],
    foundBy: FULL,
    says: HANGS,
    explained: /keep it until there is room|lie unread/,
  },
  {
    name: "does not hand over what waits when there is room",
    changes: [["  }\n  handOver();\n}", "  }\n}"]],
    foundBy: FULL,
    says: HANGS,
    explained: /keep it until there is room|lie unread/,
  },
  {
    name: "waits in the loop until there is room",
    changes: [[PUT, "while (!jobs.tryPut(connection, message)) jobs.results().next();"]],
    foundBy: "answers others while messages with work are computed, whatever is queued",
    says: /still waiting|held up/,
    explained: /hand the message over|waits in a call/,
  },
  {
    name: "computes in the loop",
    changes: [
      ["import { isWork } from", "import { compute, isWork } from"],
      [
        "if (!isWork(buffer, length)) return",
        "if (isWork(buffer, length)) compute(buffer);\n  return",
      ],
    ],
    foundBy: "answers others while messages with work are computed, whatever is queued",
    says: /held up/,
    explained: /the loop computes/,
    limit: PATIENT,
    alone: true,
  },
]);
