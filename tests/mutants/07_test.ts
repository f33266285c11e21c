/** Faults of a server over selectors. */

import { testEdits } from "./mutants.ts";

testEdits("07 selectors", [
  {
    name: "forgets partial sends",
    changes: [
      ["  tryRecv,\n}", "  tryRecv,\n  trySend,\n}"],
      [
        "  return connection.send(shout(buffer, length), length);\n",
        `  const sent = trySend(connection.fd, shout(buffer, length), length);
  return sent < 0 && sent !== -EAGAIN ? GONE : READ;
`,
      ],
    ],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /bytes of the reply are missing|^byte \d+ of the reply is/,
    explained: /send took fewer bytes .* forgotten/,
  },
  {
    name: "waits for input while it has bytes to send",
    changes: [[
      "selector.modify(connection.fd, next,",
      "selector.modify(connection.fd, READ,",
    ]],
    foundBy: "keeps little for each of 20 clients that do not read, and serves others",
    says: /% of a core/,
    explained: /waits for input from a client that has unsent bytes/,
    alone: true,
  },
]);
