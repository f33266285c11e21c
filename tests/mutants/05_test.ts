/** Faults of a server over poll. */

import { testEdits } from "./mutants.ts";

testEdits("05 poll", [
  {
    name: "stays with one until a pause",
    changes: [[
      "    const want = serve(connection);\n",
      `    let want = serve(connection);
    while (want !== GONE) {
      const alone = new PollList();
      alone.add(connection.fd, want);
      if (poll(alone, 500) === 0) break;
      want = serve(connection);
    }
`,
    ]],
    foundBy: "serves others while one client never stops sending",
    says: /the others were not served/,
    explained: /read from each a few times/,
  },
  {
    name: "never sleeps",
    changes: [["poll(list, pause);", "poll(list, 0);"]],
    foundBy: "uses no CPU while there is nothing to do",
    says: /% of a core/,
    explained: /never sleeps/,
    alone: true,
  },
  {
    name: "counts clients when they come",
    changes: [
      ["list.add(connection.fd, READ);", "list.add(connection.fd, READ);\n  served++;"],
      ["  connection.close();\n  served++;\n", "  connection.close();\n"],
    ],
    foundBy: "ends after the number of clients in --connections",
    says: /[Cc]onnection re(set|fused)|the reply ended/,
    explained: /counted when they come/,
  },
]);
