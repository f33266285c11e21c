/** Faults of a server over io_uring. */

import { HANGS, testEdits } from "./mutants.ts";

testEdits("09 io-uring", [
  {
    name: "does not accept again after it was out of descriptors",
    changes: [["return ring.timeout(100);", "return;"]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: HANGS,
    explained: /does not accept again/,
    limit: 2500,
  },
]);
