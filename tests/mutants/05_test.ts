/** Faults of a server over poll. */

import { HANGS, testEdits } from "./mutants.ts";

const SHORTAGE = "stops accepting while it is out of descriptors, and recovers";

testEdits("05 poll", [
  {
    name: "looks for input alone",
    changes: [[
      "if (list.revents(i) === 0) continue;",
      "if ((list.revents(i) & POLLIN) === 0) continue;",
    ]],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: HANGS,
    explained: /send it when there is room/,
    limit: 2500,
  },
  {
    name: "takes half for all",
    changes: [
      ["import { poll, POLLIN, PollList }", "import { poll, POLLIN, PollList, POLLRDHUP }"],
      ["list.add(connection.fd, READ);", "list.add(connection.fd, READ | POLLRDHUP);"],
      ["list.watch(i, want);", "list.watch(i, want | POLLRDHUP);"],
      [
        "const want = serve(connection);",
        "const want = list.revents(i) & POLLRDHUP ? GONE : serve(connection);",
      ],
    ],
    foundBy: "sends the whole reply after a half-close, and then closes",
    says: /the reply ended|[Cc]onnection reset/,
    explained: /the end of the input for the end of the connection/,
  },
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
    name: "never ends its pause",
    changes: [["  pause = undefined;\n", ""]],
    foundBy: SHORTAGE,
    says: HANGS,
    explained: /does not accept again/,
    limit: 2500,
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
