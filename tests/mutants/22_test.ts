/** Faults of a server with limits, a graceful end, and a successor. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { LESSONS } from "../../shared/tools/lesson/catalogue.ts";
import { promises } from "../lifetime.ts";
import { type Change, subjectOf, testEdits } from "./mutants.ts";

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
]);

const subject = subjectOf("22 lifetime");
const FOLDER = new URL("22-lifetime/", LESSONS);

/** A fault in one of the modules, and the promise that finds it. */
interface Fault {
  name: string;
  /** Where it is: a module of the lesson, or `timing_wheel.ts`. */
  module: string;
  changes: readonly Change[];
  /** The promise that is broken, by the beginning of its name. */
  foundBy: string;
  says: RegExp;
}

const faults: Fault[] = [
  {
    name: "closes clients up to two ticks early",
    module: "timing_wheel.ts",
    changes: [["Math.ceil(time / this.tick)", "Math.ceil(time / this.tick) - 2"]],
    foundBy: "closes silent clients, and none before its time",
    says: /closed [\d.]+ ms too early/,
  },
  {
    name: "keeps the number of a closed descriptor, and closes somebody else's",
    module: "clients.ts",
    changes: [
      ["    this.#wheel.delete(this.#visits.get(fd)!.timer);\n", ""],
      ["    return late;\n", "    return late.flatMap(({ fd }) => this.get(fd) ?? []);\n"],
    ],
    foundBy: "does not close a client for the silence",
    says: /closed [\d.]+ ms too early/,
  },
  {
    name: "does not move the timer of a client that speaks",
    module: "clients.ts",
    changes: [["    visit.hasSpoken = true;\n    this.#arm(visit);\n", ""]],
    foundBy: "counts the silence of a client from its last byte",
    says: /the reply ended|reset|broken pipe/i,
  },
  {
    name: "takes every byte for a new visit",
    module: "clients.ts",
    changes: [["now + patience, end, this.#end", "now + patience, this.#end"]],
    foundBy: "closes a client that sends one byte after the other",
    says: /timed out/i,
  },
  {
    name: "accepts one client too many",
    module: "server.ts",
    changes: [["clients.size < options.limit", "clients.size <= options.limit"]],
    foundBy: "lets clients wait for a place",
    says: /a third client was served/,
  },
  {
    name: "spins while there is no room",
    module: "listener.ts",
    changes: [["if (!hasRoom) return this.watch(false);", "if (!hasRoom) return undefined;"]],
    foundBy: "lets clients wait for a place",
    says: /of a core/,
  },
  {
    name: "forgets the clients that wait when there is room again",
    module: "server.ts",
    changes: [["  listener.watch(true); // there is room for one more\n", ""]],
    foundBy: "lets clients wait for a place",
    says: /timed out/i,
  },
  {
    name: "cuts a reply when it ends gracefully",
    module: "clients.ts",
    changes: [["!hasSpoken || connection.unsent > 0", "!hasSpoken"]],
    foundBy: "ends on SIGTERM, but sends the replies that it owes before",
    says: /the reply ended|reset/i,
  },
  {
    name: "blocks SIGTERM in one of its threads",
    module: "server.ts",
    changes: [
      ["import { processSignalfd, ", "import { signalfd, "],
      ["processSignalfd(SIGTERM)", "signalfd(SIGTERM)"],
    ],
    foundBy: "ends on SIGTERM, but sends the replies that it owes before",
    says: /the reply ended|reset/i,
  },
  {
    name: "resets those in the queue",
    module: "server.ts",
    changes: [["while (acceptOne());", ""]],
    foundBy: "serves the clients that were connected when SIGTERM came",
    says: /reset|the reply ended|broken pipe/i,
  },
  {
    name: "takes one that has not spoken for one that has finished",
    module: "clients.ts",
    changes: [["!hasSpoken || connection.unsent > 0", "connection.unsent > 0"]],
    foundBy: "lets clients finish for as long as --grace allows",
    says: /closed [\d.]+ ms too early/,
  },
  {
    name: "waits for its clients without end",
    module: "clients.ts",
    changes: [["clock_gettime(CLOCK_MONOTONIC) + grace", "Infinity"]],
    foundBy: "lets clients finish for as long as --grace allows",
    says: /timed out/i,
  },
  {
    name: "does not hear the second SIGTERM",
    module: "server.ts",
    changes: [["  if (isEnding) break; // the second SIGTERM\n", ""]],
    foundBy: "ends at once on the second SIGTERM",
    says: /1|did not end/,
  },
  {
    name: "watches the listener that it has closed",
    module: "listener.ts",
    changes: [["    epoll_ctl(this.#epoll, EPOLL_CTL_DEL, this.fd);\n", ""]],
    foundBy: "leaves new clients to its successor",
    says: /the reply ended|reset|broken pipe/i,
  },
  {
    name: "closes its listener too late",
    module: "server.ts",
    changes: [["  listener.close();\n  clients.finish", "  clients.finish"]],
    foundBy: "leaves new clients to its successor",
    says: /served/,
  },
];

/** Copies the lesson, with a fault; what it imports from elsewhere is where it was. */
async function withFault({ module, changes }: Fault, use: (folder: URL) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "mutant-" });
  try {
    const shared = new URL("../shared/", LESSONS);
    const sources = ["server", "clients", "listener"].map((name) => new URL(`${name}.ts`, FOLDER));
    for (const source of [...sources, new URL("timing_wheel.ts", shared)]) {
      const name = source.pathname.split("/").at(-1)!;
      let text = await Deno.readTextFile(source);
      for (const [from, to] of name === module ? changes : []) {
        assertEquals(text.split(from).length, 2, `${module} does not have this once: ${from}`);
        text = text.replace(from, () => to);
      }
      text = text.replace("../../shared/timing_wheel.ts", "./timing_wheel.ts")
        .replaceAll('"../../shared/', `"${shared.href}`);
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await use(pathToFileURL(`${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "22 lifetime: each broken promise is found",
  // A promise that is broken leaves its connections and timers where they are.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    for (const fault of faults) {
      await t.step(`a server that ${fault.name}`, async () => {
        const [, check] = promises.find(([name]) => name.startsWith(fault.foundBy))!;
        await withFault(fault, async (folder) => {
          const mutant = { ...subject, script: new URL("server.ts", folder) };
          const error = await assertRejects(() => check(mutant), Error);
          assertMatch(error.message, fault.says);
        });
      });
    }
  },
});
