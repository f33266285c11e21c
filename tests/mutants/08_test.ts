/** Faults of a server that is driven by signals. */

import { HANGS, SHORT, testEdits } from "./mutants.ts";

testEdits("08 signal-driven", [
  {
    name: "looks at one socket for a signal and not at all of them",
    changes: [[
      "  for (const connection of connections.values()) more = drain(connection) || more;\n",
      `  const [first] = connections.values();
  if (first !== undefined) more = drain(first);
`,
    ]],
    foundBy: "serves 20 clients while two others are silent",
    says: HANGS,
    explained: /does not look at every socket/,
    limit: SHORT,
  },
]);
