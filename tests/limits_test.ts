/** What scripts do with few descriptors: they make do with those, and Deno never panics. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { meet } from "../shared/tools/check/clients.ts";
import { Server } from "../shared/tools/check/server.ts";
import { subjects } from "../shared/tools/check/subjects.ts";
import { outcomeOf, ROOT } from "./processes.ts";

/** Runs Deno with a hard limit of descriptors. */
function denoWithin(limit: number, ...args: string[]) {
  return outcomeOf(
    new Deno.Command("sh", {
      args: ["-c", `ulimit -n ${limit} && exec "$@"`, "sh", Deno.execPath(), ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", XDG_STATE_HOME: "/dev/null" },
      stdin: "null",
    }),
  );
}

for (const [limit, number] of [[64, "04"], [1024, "05"]] as const) {
  Deno.test(`the clients of lesson ${number} fit into ${limit} descriptors`, async () => {
    const options = ["--clients", "1100", "--pause", "300"];
    const lesson = ["run", "-A", "shared/tools/lesson/main.ts", number, ...options];
    const { code, stdout, stderr } = await denoWithin(limit, ...lesson);
    const limited = /^client │ only (\d+) clients: the limit of descriptors \(ulimit -Hn\) allows/m;
    assertMatch(stdout, limited);
    const clients = Number(limited.exec(stdout)![1]);
    assertStringIncludes(stdout, `${clients} clients, ${clients} correct replies`);
    // Deno needs about 20 for itself.
    assert(limit - 40 < clients && clients < limit, `${clients} clients`);
    assertEquals([code, stderr], [0, ""]);
  });
}

Deno.test("a client that gets no descriptor at all says so, and that is a failure", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const script = `
    import { clientOptions, runClients } from "${new URL("../shared/client.ts", import.meta.url)}";
    import { connectWhenReady } from "${new URL("../shared/ready.ts", import.meta.url)}";
    const address = { host: "127.0.0.1", port: ${listener.addr.port} };
    clientOptions();
    const connections = [];
    try {
      while (true) connections.push(await connectWhenReady(address));
    } catch {
      // There are no descriptors left.
    }
    await runClients(3, () => connectWhenReady(address));`;
  const { code, stdout } = await denoWithin(64, "eval", "--quiet", script);
  assertEquals(
    [code, stdout],
    [
      1,
      "only 0 clients: the limit of descriptors (ulimit -Hn) allows no more\n" +
      "0 clients, 0 correct replies, longest wait 0.0 ms\n",
    ],
  );
});

// A server that blocks its thread never comes to the point at which Deno opens more descriptors.
for (const subject of subjects.filter(({ native }) => native)) {
  for (const limit of [64, 1024]) {
    Deno.test(`${subject.name}: with ${limit} descriptors, Deno does not panic`, async () => {
      await using server = await Server.start(subject, { descriptors: limit });
      const connections = await Promise.all(
        Array.from(
          { length: 1100 },
          () => Deno.connect({ hostname: server.host, port: server.port }),
        ),
      );
      await delay(1000); // Deno opens them half a second after its start
      for (const connection of connections) connection.close();
      await meet(server);
      assertEquals(server.errors, []);
    });
  }
}
