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
    name: "dies without descriptors",
    changes: [["  else if (isOutOfResources(fd)) pause = 100;\n", ""]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: ENDED,
    explained: /accept4 failed with EMFILE, and that ended the server/,
  },
]);
