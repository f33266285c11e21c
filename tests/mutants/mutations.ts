/**
 * The faults that the suite has to find, each with the scenario that is meant for it.
 *
 * @module
 */

/** A fault of a server. */
export interface Mutation {
  /** What the server does wrong; the value of `--mutation`. */
  name: string;
  /** The scenario that is meant to find it, by its name. */
  foundBy: string;
  /** What the scenario says then: it has to fail because of this fault, and of no other. */
  says: RegExp;
  /** Which fault is named then. */
  explained: RegExp;
}

const BOUNDED = "keeps every byte of 64 MiB for a client that reads late, in bounded memory";
const SILENT = "serves 20 clients beside a silent one";
const SLOW = "serves others while one does not read";
const RESETS = "is not concerned by 200 resets with unread replies";
const GONE = "closes the connections of clients who have gone";
const SHORTAGE = "pauses and recovers when it runs out of descriptors";
const IDLE = "uses no CPU when there is nothing to do, unless its way is to ask again and again";

const ENDED = /the server ended|ECONNREFUSED|Connection re(set|fused)/;
const STALLED = /nothing came of it/;

/** All faults. */
export const mutations: readonly Mutation[] = [
  {
    name: "drops-replies-on-EAGAIN",
    foundBy: BOUNDED,
    says: /bytes of the reply are missing|^byte \d+ of the reply is/,
    explained: /send took fewer bytes .* or none \(EAGAIN\)/,
  },
  {
    name: "forgets-partial-sends",
    foundBy: BOUNDED,
    says: /bytes of the reply are missing|^byte \d+ of the reply is/,
    explained: /send took fewer bytes .* forgotten/,
  },
  {
    name: "reads-without-limit",
    foundBy: BOUNDED,
    says: /memory grew by/,
    explained: /goes on reading .* pile up/,
  },
  {
    name: "stays-with-one-until-a-pause",
    foundBy: "serves others while one talks without end",
    says: /the others were not served/,
    explained: /read from each a few times/,
  },
  {
    name: "sets-8-MiB-aside",
    foundBy: "keeps little for each of 20 clients who do not read, and serves others",
    says: /memory grew by/,
    explained: /goes on reading .* pile up/,
  },
  {
    name: "leaves-accepted-sockets-blocking",
    foundBy: SILENT,
    says: STALLED,
    explained: /sleeps in recv .* O_NONBLOCK/,
  },
  {
    name: "waits-for-the-first-word",
    foundBy: SILENT,
    says: STALLED,
    explained: /sleeps in recv .* reads before it is told/,
  },
  {
    name: "waits-for-slow-readers",
    foundBy: SLOW,
    says: /others were not served/,
    explained: /waits until a client that does not read/,
  },
  {
    name: "keeps-a-shared-buffer",
    foundBy: SLOW,
    says: /byte \d+ of the reply/,
    explained: /buffer that is used for others/,
  },
  {
    name: "dies-of-a-reset",
    foundBy: "is not concerned by a reset of an idle client",
    says: ENDED,
    explained: /recv failed with ECONNRESET/,
  },
  {
    name: "dies-of-a-broken-pipe",
    foundBy: RESETS,
    says: ENDED,
    explained: /send failed with E(PIPE|CONNRESET)/,
  },
  {
    name: "leaks-after-a-reset",
    foundBy: RESETS,
    says: /connections stay open/,
    explained: /broken connection is not closed/,
  },
  {
    name: "ignores-the-end",
    foundBy: GONE,
    says: /did not close its side/,
    explained: /recv returned 0/,
  },
  {
    name: "takes-half-for-all",
    foundBy: "answers in full after a half-close, and then closes",
    says: /the reply ended|Connection reset/,
    explained: /end of the input is taken for the end of the connection/,
  },
  {
    name: "decodes-to-a-string",
    foundBy: "turns a to z into A to Z and leaves all other bytes alone",
    says: /byte \d+ of the reply|longer than the message/,
    explained: /decodes the bytes to a string/,
  },
  {
    name: "has-a-short-backlog",
    foundBy: "accepts 500 clients who come at once",
    says: /not all were connected/,
    explained: /backlog/,
  },
  {
    name: "spins-without-descriptors",
    foundBy: SHORTAGE,
    says: /% of a core/,
    explained: /pause accepting/,
  },
  {
    name: "dies-without-descriptors",
    foundBy: SHORTAGE,
    says: ENDED,
    explained: /EMFILE from accept4 ends/,
  },
  { name: "never-sleeps", foundBy: IDLE, says: /% of a core/, explained: /never sleeps/ },
  {
    name: "counts-those-who-come",
    foundBy: "ends after as many clients as --connections says",
    says: ENDED,
    explained: /counted when they come/,
  },
  {
    name: "is-deaf-to-signals",
    foundBy: "is ended at once by SIGINT",
    says: /did not end after/,
    explained: /signal listener is installed/,
  },
  {
    name: "does-not-reuse-its-address",
    foundBy: "can be started again at once on the same port",
    says: /port \d+ of 127\.0\.0\.1 is taken/,
    explained: /SO_REUSEADDR is not set/,
  },
  {
    name: "shares-its-port",
    foundBy: "says in one line that a port is taken",
    says: /should have ended/,
    explained: /SO_REUSEPORT is set/,
  },
];
