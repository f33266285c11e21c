/** Faults of servers with a loop for each core: who gets which clients, and the loop itself. */

import { assertEquals } from "@std/assert";
import { clientsByLoop } from "../loops.ts";
import { type Edit, ENDED, HANGS, SHORT, subjectOf, testEdits, withEdit } from "./mutants.ts";

const TWO = ["--loops", "2"];
const SHORTAGE = "stops accepting while it is out of descriptors, and recovers";
const PAUSES_FOREVER: Edit = {
  name: "never ends its pause",
  changes: [["  if (pause !== undefined) watchListener(true);\n", ""]],
  foundBy: SHORTAGE,
  says: HANGS,
  explained: /does not accept again/,
  limit: 3500,
};

testEdits("20 loop-per-core", [
  {
    name: "spins without descriptors",
    changes: [[
      "if (isOutOfResources(fd)) watchListener(false);",
      "if (isOutOfResources(fd)) return;",
    ]],
    foundBy: SHORTAGE,
    says: /% of a core/,
    explained: /stop accepting for a while/,
    alone: true,
  },
  { ...PAUSES_FOREVER },
], { args: TWO });

testEdits("20 loop-per-core shared", [
  {
    name: "modifies what it watches exclusively",
    changes: [[
      "epoll_ctl(epoll, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener!, interest);",
      "epoll_ctl(epoll, EPOLL_CTL_MOD, listener!, watch ? interest : 0);",
    ]],
    foundBy: SHORTAGE,
    says: ENDED,
    explained: /epoll_ctl failed with EINVAL/,
  },
  { ...PAUSES_FOREVER },
], { args: TWO });

// Which client goes to which loop is known here, and with it whether a fault shows.
testEdits("20 loop-per-core handing", [
  {
    name: "lets the other loops sleep when it has served the last client",
    changes: [["if (countGone(counts)) writeEventfd(end);", "countGone(counts);"]],
    foundBy: "ends after the number of clients in --connections",
    says: /did not end/,
    explained: /clients that have gone are not counted/,
  },
  {
    name: "counts the clients of each loop by itself",
    changes: [
      ["const connections = new Map", "let own = 0;\nconst connections = new Map"],
      ["}\n\nfor (const connection of", "  if (own >= 3) break;\n}\n\nfor (const connection of"],
      ["if (countGone(counts))", "countGone(counts);\n  if (++own === 3)"],
      ["else if (fd !== end) advance", "else if (fd === end) own = 3;\n    else advance"],
    ],
    foundBy: "ends after the number of clients in --connections",
    says: /did not end/,
    explained: /clients that have gone are not counted/,
  },
  {
    name: "deals each client out twice",
    changes: [[
      "  epoll_ctl(tasks[next].epoll, EPOLL_CTL_ADD, fd, READ);\n",
      "  for (const { epoll } of tasks) epoll_ctl(epoll, EPOLL_CTL_ADD, fd, READ);\n",
    ]],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /bytes of the reply are missing|^byte \d+ of the reply is|still waiting/,
    explained: /forgotten/,
  },
  {
    name: "loses every second client",
    changes: [[
      "  epoll_ctl(tasks[next].epoll, EPOLL_CTL_ADD, fd, READ);\n",
      "  if (next === 0) epoll_ctl(tasks[next].epoll, EPOLL_CTL_ADD, fd, READ);\n",
    ]],
    foundBy: "answers 20 clients at once",
    says: HANGS,
    explained: /does not watch that descriptor/,
    limit: SHORT,
  },
  PAUSES_FOREVER,
], { args: TWO });

// This one serves every client correctly: only who serves it is wrong.

Deno.test("20 loop-per-core handing: a loop that never gets a client is found", async () => {
  const changes = [["next = (next + 1) % tasks.length;", "next = (next + 1) % 3;"]] as const;
  await withEdit(subjectOf("20 loop-per-core handing"), changes, async (mutant) => {
    assertEquals(await clientsByLoop(mutant, 10), [4, 3, 3, 0]);
  });
});
