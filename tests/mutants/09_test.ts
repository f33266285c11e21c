/** Faults of servers over io_uring. */

import { HANGS, testEdits } from "./mutants.ts";

testEdits("09 io-uring", [
  {
    name: "does not go on after a partial send",
    changes: [["length, MSG_WAITALL);", "length);"]],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /bytes of the reply are missing|^byte \d+ of the reply is|reset/,
    explained: /send took fewer bytes|closes before all is sent/,
  },
  {
    name: "does not accept again after it was out of descriptors",
    changes: [["return ring.timeout(100);", "return;"]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: HANGS,
    explained: /does not accept again/,
    limit: 2500,
  },
]);

testEdits("09 io-uring provided", [
  {
    name: "gives a buffer back before it has been sent",
    changes: [
      [
        "  ring.send(connection.fd, buffer, length, MSG_WAITALL);\n",
        "  ring.send(connection.fd, buffer, length, MSG_WAITALL);\n  buffers.release(buffer);\n",
      ],
      ["  buffers.release(connection.buffer!);\n", ""],
      ["  if (buffer !== undefined) buffers.release(buffer);\n", ""],
    ],
    foundBy: "serves others while one client does not read",
    says: /byte \d+ of the reply/,
    explained: /buffer that is used for other clients/,
  },
]);
