/** Faults of a server over io_uring. */

import { HANGS, testEdits } from "./mutants.ts";

testEdits("09 io-uring", [
  {
    name: "does not go on after a partial send",
    changes: [[", MSG_WAITALL);", ", 0);"]],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /bytes of the reply are missing|^byte \d+ of the reply is|reset/,
    explained: /send took fewer bytes|closes before all is sent/,
  },
  {
    name: "does not accept again after it was out of descriptors",
    changes: [[
      "if (isOutOfResources(fd)) ring.timeout(PAUSE, 100);",
      "if (isOutOfResources(fd)) return;",
    ]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: HANGS,
    explained: /does not accept again/,
    limit: 2500,
  },
]);
