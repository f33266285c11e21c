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
}

const BOUNDED = "keeps every byte of 64 MiB for a client that reads late, in bounded memory";

/** All faults. */
export const mutations: readonly Mutation[] = [
  { name: "drops-replies-on-EAGAIN", foundBy: BOUNDED },
  { name: "forgets-partial-sends", foundBy: BOUNDED },
  { name: "reads-without-limit", foundBy: BOUNDED },
  { name: "leaves-accepted-sockets-blocking", foundBy: "serves 20 clients beside a silent one" },
  { name: "waits-for-slow-readers", foundBy: "serves others while one does not read" },
  { name: "dies-of-a-reset", foundBy: "is not concerned by a reset of an idle client" },
  { name: "ignores-the-end", foundBy: "closes the connections of clients who have gone" },
  {
    name: "decodes-to-a-string",
    foundBy: "turns a to z into A to Z and leaves all other bytes alone",
  },
  {
    name: "spins-without-descriptors",
    foundBy: "pauses and recovers when it runs out of descriptors",
  },
  {
    name: "dies-without-descriptors",
    foundBy: "pauses and recovers when it runs out of descriptors",
  },
  {
    name: "does-not-reuse-its-address",
    foundBy: "can be started again at once on the same port",
  },
];
