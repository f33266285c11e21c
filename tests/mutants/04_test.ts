/** Faults of a server over select. */

import { ENDED, HANGS, SHORT, testEdits } from "./mutants.ts";

testEdits("04 select", [
  {
    name: "waits for the first word",
    changes: [
      ["tryAccept4(listener, SOCK_NONBLOCK)", "tryAccept4(listener)"],
      [
        "else if (fd >= 0) connections.set(fd, new Connection(fd));",
        "else if (fd >= 0) serve(connections.set(fd, new Connection(fd)).get(fd)!);",
      ],
    ],
    foundBy: "serves 20 clients while two others are silent",
    says: HANGS,
    explained: /sleeps in recv .* reads before there is something to read/,
    limit: SHORT,
  },
  {
    name: "waits for slow readers",
    changes: [[
      "  return connection.send(shout(buffer, length), length);\n",
      `  let want = connection.send(shout(buffer, length), length);
  while (want === WRITE) want = connection.flush();
  return want;
`,
    ]],
    foundBy: "serves others while one client does not read",
    says: /others were not served/,
    explained: /waits until a client that does not read/,
  },
  {
    name: "dies without descriptors",
    changes: [["  else if (isOutOfResources(fd)) pause = 100;\n", ""]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: ENDED,
    explained: /accept4 failed with EMFILE, and that ended the server/,
  },
]);
