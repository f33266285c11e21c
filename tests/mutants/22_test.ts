/** Faults of a server with limits, a graceful end, and a successor. */

import { testEdits } from "./mutants.ts";

const IDLE = "counts the silence of a client from its last byte";
const DEADLINE = "closes a client that sends one byte after the other, when its time is over";
const PLACES = "lets clients wait for a place, and sleeps meanwhile";
const OWED = "ends on SIGTERM, but sends the replies that it owes before";
const GRACE = "lets clients finish for as long as --grace allows, and no longer";
const SUCCESSOR = "leaves new clients to its successor while it finishes with its own";
const CUT = /the reply ended|reset|broken pipe/i;

/** For scenarios that wait until something does not come, in milliseconds. */
const PATIENT = 10_000;

testEdits("22 lifetime", [
  {
    name: "counts clients when they come",
    changes: [
      ["  clients.add(new Connection(fd));\n", "  clients.add(new Connection(fd));\n  served++;\n"],
      ["there is room for one more\n  served++;\n", "there is room for one more\n"],
    ],
    foundBy: "ends after the number of clients in --connections",
    says: /[Cc]onnection re(set|fused)|the reply ended/,
    explained: /counted when they come/,
  },
  {
    name: "spins without descriptors",
    changes: [["epoll_wait(epoll, events, listener.pause)", "epoll_wait(epoll, events, 0)"]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: /% of a core/,
    explained: /stop accepting for a while/,
    alone: true,
  },
  {
    name: "does not move the timer of a client that speaks",
    changes: [["    visit.hasSpoken = true;\n    this.#arm(visit);\n", ""]],
    foundBy: IDLE,
    says: CUT,
    explained: /is not moved/,
  },
  {
    name: "takes every byte for a new visit",
    changes: [["now + patience, end, this.#end", "now + patience, this.#end"]],
    foundBy: DEADLINE,
    says: /it was not closed/,
    explained: /must not move/,
    limit: PATIENT,
  },
  {
    name: "accepts one client too many",
    changes: [["clients.size < options.limit", "clients.size <= options.limit"]],
    foundBy: PLACES,
    says: /a third client was served/,
    explained: /is not checked/,
  },
  {
    name: "spins while there is no room",
    changes: [["if (!hasRoom) return this.watch(false);", "if (!hasRoom) return undefined;"]],
    foundBy: PLACES,
    says: /of a core/,
    explained: /must not be watched/,
    alone: true,
  },
  {
    name: "forgets the clients that wait when there is room again",
    changes: [["  listener.watch(true); // there is room for one more\n", ""]],
    foundBy: PLACES,
    says: /it got no place/,
    explained: /watches the listener again/,
    limit: PATIENT,
  },
  {
    name: "blocks SIGTERM in one of its threads",
    changes: [
      ["import { processSignalfd, ", "import { signalfd, "],
      ["processSignalfd(SIGTERM)", "signalfd(SIGTERM)"],
    ],
    foundBy: OWED,
    says: /the reply ended|reset/i,
    explained: /bytes that it has not sent/,
  },
  {
    name: "takes one that has not spoken for one that has finished",
    changes: [["!hasSpoken || connection.unsent > 0", "connection.unsent > 0"]],
    foundBy: GRACE,
    says: /closed [\d.]+ ms too early/,
    explained: /not spoken yet/,
  },
  {
    name: "waits for its clients without end",
    changes: [["clock_gettime(CLOCK_MONOTONIC) + grace", "Infinity"]],
    foundBy: GRACE,
    says: /it was not closed/,
    explained: /when the time is over/,
    limit: PATIENT,
  },
  {
    name: "does not hear the second SIGTERM",
    changes: [["  if (isEnding) break; // the second SIGTERM\n", ""]],
    foundBy: "ends at once on the second SIGTERM",
    says: /did not end|exit code 1/,
    explained: /second SIGTERM|ended the server/,
  },
  {
    name: "watches the listener that it has closed",
    changes: [["    epoll_ctl(this.#epoll, EPOLL_CTL_DEL, this.fd);\n", ""]],
    foundBy: SUCCESSOR,
    says: CUT,
    explained: /epoll does until/,
  },
  {
    name: "closes its listener too late",
    changes: [["  listener.close();\n  clients.finish", "  clients.finish"]],
    foundBy: SUCCESSOR,
    says: /was served/,
    explained: /not its own any more/,
  },
]);
