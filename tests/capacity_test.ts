/** Nine thousand connections at once, each of them answered. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { getrlimit, RLIMIT_NOFILE } from "../shared/linux/descriptors.ts";
import { parseSummary } from "../shared/client.ts";
import { Server } from "../shared/tools/check/server.ts";
import { subjects, unavailable } from "../shared/tools/check/subjects.ts";
import { deno } from "./processes.ts";

// Where the limit of descriptors is lower, the client takes as many as possible, and says so.
const clients = Math.min(9000, getrlimit(RLIMIT_NOFILE).hard - 100);

for (const subject of subjects.filter(({ name }) => /^(06|07|09) [\w-]+$/.test(name))) {
  const reason = unavailable(subject);
  Deno.test({
    name: `${subject.name}: the server answers ${clients} clients at once in less than 200 MiB` +
      (reason === undefined ? "" : ` (skipped: ${reason})`),
    ignore: reason !== undefined,
    fn: async () => {
      await using server = await Server.start(subject);
      const options = ["--clients", "9000", "--active", "10", "--port", String(server.port)];
      const script = "lessons/06-epoll/client.ts";
      const { code, stdout } = await deno([
        "run",
        "--allow-ffi",
        "--allow-net",
        script,
        ...options,
      ]);
      assertEquals(code, 0, stdout);
      const outcome = stdout.split("\n").map(parseSummary).find((outcome) => outcome !== undefined);
      assert(outcome !== undefined, stdout);
      assertEquals([outcome.clients, outcome.correct], [clients, clients]);
      assertLess(server.peakMemory, 200);
    },
  });
}
