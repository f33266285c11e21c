/** Faults of a server over epoll. */

import { testEdits } from "./mutants.ts";

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
]);
