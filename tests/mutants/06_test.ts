/** Faults of a server over epoll, level-triggered and edge-triggered. */

import { HANGS, SHORT, testEdits } from "./mutants.ts";

const BOUNDED = "keeps every byte of 64 MiB for a client that reads late, in bounded memory";

testEdits("06 epoll", [
  {
    name: "drops replies on EAGAIN",
    changes: [
      ["  tryRecv,\n}", "  tryRecv,\n  trySend,\n}"],
      [
        "  return connection.send(shout(buffer, length), length);\n",
        `  shout(buffer, length);
  for (let sent = 0, taken; sent < length; sent += taken) {
    taken = trySend(connection.fd, buffer.subarray(sent, length));
    if (taken < 0) return taken === -EAGAIN ? READ : GONE;
  }
  return READ;
`,
      ],
    ],
    foundBy: BOUNDED,
    says: /bytes of the reply are missing|^byte \d+ of the reply is/,
    explained: /send took fewer bytes .* or none \(EAGAIN\)/,
  },
  {
    name: "reads on while it has bytes to send",
    changes: [["if (connection.unsent > 0) return connection.flush();", ""]],
    foundBy: BOUNDED,
    says: /bytes of the reply are missing|^byte \d+ of the reply is/,
    explained: /send took fewer bytes .* forgotten/,
  },
  {
    name: "sets 8 MiB aside",
    changes: [
      ["let served = 0;", "let served = 0;\nconst reserves: Uint8Array[] = [];"],
      [
        "else if (next !== want) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, next);",
        `else if (next !== want) {
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, next);
    reserves[connection.fd] ??= new Uint8Array(8 * 1024 * 1024).fill(1);
  }`,
      ],
    ],
    foundBy: "keeps little for each of 20 clients that do not read, and serves others",
    says: /memory grew by/,
    explained: /goes on reading .* pile up/,
    alone: true,
  },
  {
    name: "spins without descriptors",
    changes: [[
      "if (isOutOfResources(fd)) watchListener(false);",
      "if (isOutOfResources(fd)) return;",
    ]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: /% of a core/,
    explained: /stop accepting for a while/,
    alone: true,
  },
]);

testEdits("06 epoll edge-triggered", [
  {
    name: "reads once for an edge and not until EAGAIN",
    changes: [
      ["turn < 16", "turn < 1"],
      ["  if (want === READ) epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EDGES);\n", ""],
    ],
    foundBy: "answers 1 MiB",
    says: HANGS,
    explained: /edge-triggered.* until EAGAIN/,
    limit: SHORT,
  },
]);
