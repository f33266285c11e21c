/**
 * Faults made out of the lessons' own servers by changing one place.
 *
 * @module
 */

/** A change that makes a right server wrong. */
export interface Edit {
  /** What the server then does wrong. */
  name: string;
  /** The folder of the lesson. */
  folder: string;
  /** Options of the server. */
  args?: string[];
  /** What stands there, and what stands there instead. */
  change: [from: string, to: string];
  /** The scenario that is meant to find it, by its name. */
  foundBy: string;
}

const BOUNDED = "keeps every byte of 64 MiB for a client that reads late, in bounded memory";

/** All changes. */
export const edits: readonly Edit[] = [
  {
    name: "looks for POLLIN alone",
    folder: "05-poll",
    change: [
      "if (list.revents(place) === 0) continue;",
      "if (list.revents(place) !== POLLIN) continue;",
    ],
    foundBy: BOUNDED,
  },
  {
    name: "reads on while it has bytes to send",
    folder: "06-epoll",
    change: ["else if (connections[fd].unsent > 0) flush(connections[fd]);", ""],
    foundBy: BOUNDED,
  },
  {
    name: "reads once for an edge and not until EAGAIN",
    folder: "06-epoll",
    args: ["--edge-triggered"],
    change: [
      "turn === 16) return epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, EDGES)",
      "turn > 0) return",
    ],
    foundBy: "answers 1 MiB",
  },
  {
    name: "keeps the callback for reading while it has bytes to send",
    folder: "07-selectors",
    change: ["selector.modify(connection.fd, EVENT_WRITE, () => flush(connection))", "return"],
    foundBy: BOUNDED,
  },
  {
    name: "looks at one socket for a signal and not at all of them",
    folder: "08-signal-driven",
    change: [
      "of connections.values()) drain(connection);",
      "of connections.values()) return drain(connection);",
    ],
    foundBy: "serves 20 clients beside a silent one",
  },
  {
    name: "does not go on after a partial send",
    folder: "09-io-uring",
    change: [", MSG_WAITALL);", ", 0);"],
    foundBy: BOUNDED,
  },
  {
    name: "does not accept again after a shortage",
    folder: "09-io-uring",
    change: [
      "else if (isOutOfResources(fd)) return ring.timeout(100);",
      "else if (isOutOfResources(fd)) return;",
    ],
    foundBy: "pauses and recovers when it runs out of descriptors",
  },
];
