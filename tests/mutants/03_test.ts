/** Faults of a server that polls its sockets. */

import { testEdits } from "./mutants.ts";

testEdits("03 nonblocking", [
  {
    name: "does not read its options",
    changes: [[
      "const options = serverOptions();",
      'const options = { host: "127.0.0.1", port: Number(Deno.args[1]), connections: Infinity };',
    ]],
    foundBy: "explains a wrong option in one line, and lists the options with --help",
    says: /should have ended/,
    explained: /options are not read/,
  },
]);
