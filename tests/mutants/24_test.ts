/** Faults of proxies: what the scenarios find, and what shows only with an upstream of its own. */

import { assertMatch, assertRejects } from "@std/assert";
import type { Change } from "../../shared/tools/exercise/exercise.ts";
import { cases } from "../proxies.ts";
import {
  AT_ONCE,
  HANGS,
  servesOneClient,
  sideBySide,
  subjectOf,
  testEdits,
  withEdit,
} from "./mutants.ts";

const HALF_CLOSE = "sends the whole reply after a half-close, and then closes";
const BOUNDED = "keeps every byte of 64 MiB for a client that reads late, in bounded memory";
const SHORTAGE = "stops accepting while it is out of descriptors, and recovers";

const NOT_HANDED_ON: Change = [
  "        tryShutdown(way.to, SHUT_WR); // the end is handed on, and the other direction stays " +
  "open\n",
  "",
];

testEdits("24 zero-copy", [
  {
    name: "does not hand the end of one side on to the other",
    changes: [NOT_HANDED_ON],
    foundBy: HALF_CLOSE,
    says: /did not close the connection/,
    explained: /recv returned 0/,
    limit: 3500,
  },
  {
    name: "forgets what is still in the pipe",
    changes: [["if (given > 0) way.kept -= given;", "if (given > 0) way.kept = 0;"]],
    foundBy: BOUNDED,
    says: /still waiting|bytes of the reply are missing|reset/,
    explained: /send took fewer bytes|closes before all is sent|lie unread/,
    limit: 4000,
  },
  {
    name: "does not come back to a client whose turns are over",
    changes: [["turn < 16", "turn < 1"], ['return "turn";', 'return "ready";']],
    foundBy: BOUNDED,
    says: HANGS,
    explained: /send it when there is room|lie unread/,
    limit: 4000,
  },
  {
    name: "spins without descriptors",
    changes: [["if (isOutOfResources(result)) watchListener(false);", "if (result < 0) return;"]],
    foundBy: SHORTAGE,
    says: /% of a core/,
    explained: /stop accepting for a while/,
    alone: true,
  },
]);

/** Faults of what both proxies share, and what their own tests see of each. */
const faults: { name: string; change: Change; foundBy: string; says: RegExp }[] = [
  {
    name: "leaves a client waiting for an upstream that is not there",
    change: ["        return this.#drop(pair, true);\n      }\n", "        return;\n      }\n"],
    foundBy: "resets a client at once when nothing listens upstream, and reports why",
    says: /the client waits for what is not there/,
  },
  {
    name: "does not hand the end of the upstream on",
    change: NOT_HANDED_ON,
    foundBy: "hands on the end of each direction by itself",
    says: /did not close the connection/,
  },
  {
    name: "ends in good order what is broken",
    change: ["      if (broken) setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);\n", ""],
    foundBy: "resets the client when the upstream resets its connection",
    says: /not a reset/,
  },
  {
    name: "looks at what it reads alone",
    change: ["    if (events & EPOLLERR) return this.#drop(pair, true);\n", ""],
    foundBy: "closes both sides when a client that has ended its sending is reset",
    says: /still open/,
  },
  {
    name: "holds up both directions while one pipe is full",
    change: [
      '      if (wait === "turn")',
      '      if (way.kept > 0) break;\n      if (wait === "turn")',
    ],
    foundBy: "lets one direction flow while the other is full",
    says: /it is stuck/,
  },
];

Deno.test({
  name: "24 zero-copy: each fault of a proxy is found by what it owes both sides",
  // What has failed is left where it is, with its connections and timers.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    const subject = subjectOf("24 zero-copy");
    await sideBySide(AT_ONCE, faults, ({ name, change, foundBy, says }) =>
      t.step({
        name: `a proxy that ${name}`,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn: () =>
          withEdit(subject, [change], async (mutant) => {
            await servesOneClient(mutant);
            const { run } = cases.find((one) => one.name === foundBy)!;
            assertMatch((await assertRejects(() => run(mutant), Error)).message, says);
          }),
      }));
  },
});
