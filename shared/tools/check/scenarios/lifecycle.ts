/**
 * Scenarios about a server's process: how it starts, stops, continues, and ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, expectEnd, greet, meet, talkWithoutEnd } from "../clients.ts";
import { deadline } from "../deadline.ts";
import type { Scenario } from "../scenario.ts";
import type { Server } from "../server.ts";

/** What a server does from its start to its end. */
export const lifecycle: readonly Scenario[] = [
  {
    name: "carries on after it was stopped and continued",
    seenBy: "a client of a server that was stopped and continued, as by Ctrl-Z and fg",
    faults: [
      [/the server ended/, "it takes EINTR from a call that waits for an error"],
    ],
    inspects: true,
    anyProtocol: true,
    async run(server) {
      using connection = await connect(server);
      await greet(connection, server.subject);
      for (let i = 0; i < 3; i++) {
        await sleep(20); // it waits again
        server.kill("SIGSTOP");
        await sleep(10);
        server.kill("SIGCONT");
        await greet(connection, server.subject);
      }
    },
  },
  {
    name: "ends after the number of clients in --connections",
    seenBy: "the last of 3 clients, with --connections 3",
    faults: [
      [
        /refused|reset|the reply ended/i,
        "clients are counted when they come, not when they have gone, so the last is cut off",
      ],
      [/still waiting|did not end/, "clients that have gone are not counted"],
    ],
    inspects: true,
    anyProtocol: true,
    ofLessons: true,
    start: { args: ["--connections", "3"] },
    ends: true,
    async run(server) {
      await using stack = new AsyncDisposableStack();
      for (let i = 0; i < 3; i++) {
        using connection = await connect(server);
        await greet(connection, server.subject);
        // Another client may be sending when the last one goes, whether it was accepted or not.
        if (i === 2) stack.use(await talkWithoutEnd(server).catch(() => undefined));
      }
      const { code } = await deadline(server.ended, 2000, "the server did not end");
      assert.equal(code, 0, `the server ended with exit code ${code}`);
    },
  },
  ...(["SIGINT", "SIGTERM"] as const).map((signal): Scenario => ({
    name: `ends at once on ${signal}`,
    seenBy: `the user who sent it ${signal}${signal === "SIGINT" ? ", as Ctrl-C does" : ""}`,
    faults: [
      [/did not end|it took/, "a signal listener is installed, but the thread sleeps in a call"],
    ],
    inspects: true,
    anyProtocol: true,
    ends: true,
    async run(server) {
      let best = await timeOfEnd(server, signal);
      // The best of three, since the machine may be busy with something else.
      for (let i = 1; i < 3 && best >= 100; i++) {
        await using another = await server.startAnother();
        best = Math.min(best, await timeOfEnd(another, signal));
      }
      assert(best < 100, `it took ${best.toFixed(0)} ms`);
    },
  })),
  {
    name: "can be started again at once on the same port",
    seenBy: "the user who ended the server and started it again at once",
    faults: [
      [/ended before/, "SO_REUSEADDR is not set, so connections in TIME_WAIT keep the port"],
    ],
    inspects: true,
    anyProtocol: true,
    ends: true,
    async run(server) {
      const { port } = server;
      using connection = await connect(server);
      await greet(connection, server.subject);
      // The server's side closes first, which is the one that stays in TIME_WAIT.
      await server.stop("SIGTERM");
      await expectEnd(connection);
      connection.closeWrite();
      await using again = await server.startAnother({ port });
      await meet(again);
    },
  },
  {
    name: "reports in one line that its port is taken",
    seenBy: "the user who started it a second time, on the same port",
    faults: [
      [/should have ended/, "SO_REUSEPORT is set, so two servers can have the same port"],
      [/it ended with|it printed/, "an error of bind is not explained"],
    ],
    inspects: true,
    anyProtocol: true,
    ofLessons: true,
    async run(server) {
      const { code, stderr } = await server.runAnother({ port: server.port });
      assert.equal(code, 1, `it ended with exit code ${code}`);
      assert.match(
        stderr,
        new RegExp(`^[^\\n]*${server.port}[^\\n]* taken[^\\n]*--port[^\\n]*\\n$`),
        `it printed: ${stderr}`,
      );
    },
  },
  {
    name: "explains a wrong option in one line, and lists the options with --help",
    seenBy: "the user who mistyped an option, or asked for --help",
    faults: [[/./, "options are not read through shared/options.ts"]],
    inspects: true,
    anyProtocol: true,
    ofLessons: true,
    async run(server) {
      const [wrong, help] = await Promise.all([
        server.runAnother({ args: ["--nonsense"] }),
        server.runAnother({ args: ["--help"] }),
      ]);
      assert.equal(wrong.code, 2, `a wrong option gave exit code ${wrong.code}`);
      assert.match(wrong.stderr, /^[^\n]*--nonsense[^\n]*\n$/, `it printed: ${wrong.stderr}`);
      assert.equal(help.code, 0, `--help gave exit code ${help.code}`);
      assert.match(help.stdout, /--connections/, `--help printed: ${help.stdout}`);
    },
  },
];

/** How long a server with one client takes to end, in milliseconds. */
async function timeOfEnd(server: Server, signal: Deno.Signal): Promise<number> {
  using connection = await connect(server);
  await greet(connection, server.subject);
  return await server.stop(signal);
}
