/** Faults of a server that polls its sockets. */

import { HANGS, SHORT, testEdits } from "./mutants.ts";

testEdits("03 nonblocking", [
  {
    name: "leaves accepted sockets blocking",
    changes: [["tryAccept4(listener, SOCK_NONBLOCK)", "tryAccept4(listener)"]],
    foundBy: "serves 20 clients while two others are silent",
    says: HANGS,
    explained: /sleeps in recv .* O_NONBLOCK/,
    limit: SHORT,
  },
  {
    name: "ignores the end",
    changes: [["if (length <= 0) return GONE;", "if (length < 0) return GONE;"]],
    foundBy: "closes the connections of clients that have gone",
    says: /did not close the connection/,
    explained: /recv returned 0/,
  },
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
