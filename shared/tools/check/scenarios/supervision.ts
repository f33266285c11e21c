/**
 * Scenarios about a server that has processes which serve its clients: what dies with one of them,
 * what takes its place, and what is left when the server has ended.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { sendSignal } from "../../process/child.ts";
import { isRunning } from "../../process/proc.ts";
import { connect, eventually, say, visit } from "../clients.ts";
import { deadline } from "../deadline.ts";
import type { Scenario } from "../scenario.ts";
import type { Server } from "../server.ts";

/** How long a process may take to take another one's place, in milliseconds. */
const PATIENCE = 4000;

/** What a server with processes does besides. */
export const supervision: readonly Scenario[] = [
  {
    name: "loses one client with a process that is killed, and no other",
    seenBy: "all clients that it serves at a time, when one of its processes was killed",
    faults: [
      [/still waiting|not served/, "a process that has ended is not started again"],
      [/clients were lost/, "the processes depend on each other, or the supervisor ends them all"],
    ],
    inspects: true,
    async run(server) {
      await server.settled();
      using stack = new DisposableStack();
      const clients: Deno.TcpConn[] = [];
      for (const _ of server.children) {
        const client = stack.use(await connect(server));
        await say(client);
        clients.push(client);
      }
      sendSignal(server.children[0], "SIGKILL");
      // All others are still connected, so there is room for this one in a new process alone.
      await deadline(visit(server), PATIENCE, "the next client was not served");
      const lost = await Promise.all(
        clients.map((client) => say(client).then(() => false, () => true)),
      );
      const count = lost.filter(Boolean).length;
      assert.equal(count, 1, `${count} of ${clients.length} clients were lost`);
    },
  },
  {
    name: "starts all its processes again when they were killed, and leaves no zombie",
    seenBy: "the user who killed all of its processes at once",
    faults: [
      [
        /zombie/,
        "waitpid is not called until no more has ended: one SIGCHLD may stand for several",
      ],
      [/not started again/, "a process that has ended is not started again"],
    ],
    inspects: true,
    async run(server) {
      await server.settled();
      const before = server.children;
      // Until all have ended, it cannot look, so that one signal stands for all of them.
      sendSignal(server.pid, "SIGSTOP");
      for (const pid of before) sendSignal(pid, "SIGKILL");
      await eventually(() => !before.some(isRunning), "a process that was killed runs on");
      sendSignal(server.pid, "SIGCONT");
      await eventually(
        () => !server.children.some((pid) => before.includes(pid)),
        "a process that was killed is still a zombie",
      );
      await eventually(
        () => server.children.length === before.length,
        "not all were started again",
      );
    },
  },
  {
    name: "pauses for longer each time that a process dies",
    seenBy: "the user who killed one of its processes again and again",
    faults: [[/pause/, "a process that dies at its start is started again without end"]],
    inspects: true,
    async run(server) {
      await server.settled();
      const [first, ...others] = server.children;
      let victim: number | undefined = first;
      const pauses: number[] = [];
      for (let i = 0; i < 4; i++) {
        const start = performance.now();
        sendSignal(victim!, "SIGKILL");
        const before: number = victim!;
        await eventually(
          () => {
            victim = server.children.find((pid) => pid !== before && !others.includes(pid));
            return victim !== undefined;
          },
          "a process was not started again",
        );
        pauses.push(performance.now() - start);
      }
      const [shortest, longest] = [pauses[0], pauses.at(-1)!];
      const text = pauses.map((pause) => pause.toFixed(0)).join(", ");
      assert(longest > 2 * shortest, `the pauses did not grow: ${text} ms`);
    },
  },
  {
    name: "has ended its processes, and waited for them, when SIGTERM has ended it",
    seenBy: "the user who sent it SIGTERM while it served a client",
    faults: [
      [/left/, "it ends before its processes: kill them, and wait for each"],
      [/did not end/, "it waits for its processes, and nothing ends them"],
    ],
    inspects: true,
    ends: true,
    run: (server) =>
      leavesNone(server, async (isLeft) => {
        server.kill("SIGTERM");
        await eventually(() => !server.running, "it did not end");
        assert(!isLeft(), "a process was left when it had ended");
      }),
  },
  {
    name: "leaves no process behind when it is killed",
    seenBy: "the user who killed it with SIGKILL while it served a client",
    faults: [[/left/, "nothing ends its processes then: each has to ask for PR_SET_PDEATHSIG"]],
    inspects: true,
    ends: true,
    run: (server) =>
      leavesNone(server, async (isLeft) => {
        server.kill("SIGKILL");
        await eventually(() => !isLeft(), "a process was left two seconds after it was killed");
      }),
  },
];

/** Ends a server that serves a client. Whatever it leaves behind ends with the scenario. */
async function leavesNone(server: Server, end: (isLeft: () => boolean) => Promise<void>) {
  await server.settled();
  using client = await connect(server);
  await say(client);
  const { children } = server;
  try {
    await end(() => children.some(isRunning));
  } finally {
    await sleep(50);
    for (const pid of children) if (isRunning(pid)) sendSignal(pid, "SIGKILL");
  }
}
