/**
 * Scenarios about a server that limits its clients, ends gracefully, and leaves its listener to a
 * successor.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { close } from "../../../linux/descriptors.ts";
import { EAGAIN } from "../../../linux/errno.ts";
import {
  AF_INET,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  tryConnect,
  tryRecv,
  trySend,
} from "../../../linux/socket.ts";
import { Child, denoRun } from "../../process/child.ts";
import { bytesOf, connect, expectEnd, ignoreRejection, say } from "../clients.ts";
import { deadline } from "../deadline.ts";
import type { Scenario } from "../scenario.ts";
import type { Server, Subject } from "../server.ts";

/** How long a client waits for what has to come, in milliseconds. */
const PATIENCE = 5000;

/** What is usual when a client is closed too early. */
const CUT = /the reply ended|reset|broken pipe/i;

/** What such a server does besides. */
export const lifetime: readonly Scenario[] = [
  {
    name: "closes silent clients, and none before its time",
    seenBy: "one of twelve clients that said nothing, each of them for 300 ms",
    faults: [
      [/too early/, "a tick is rounded down, or a timer is looked at a tick too soon"],
      [/not closed/, "nothing closes a client that says nothing"],
    ],
    inspects: true,
    start: { args: ["--idle", "300"] },
    async run(server) {
      async function beSilent() {
        const start = performance.now(); // before the server can have begun to count
        using connection = await connect(server);
        await expectClosed(connection, start + 300);
      }
      // Ticks come every 20 ms, and these clients at other times.
      await Promise.all(Array.from({ length: 12 }, (_, i) => sleep(i * 7).then(beSilent)));
    },
  },
  {
    name: "counts the silence of a client from its last byte",
    seenBy: "a client that said something every 100 ms, for longer than --idle 800",
    faults: [[CUT, "the timer of a client is not moved when its bytes move"]],
    inspects: true,
    start: { args: ["--idle", "800"] },
    async run(server) {
      using connection = await connect(server);
      let last = 0;
      for (let i = 0; i < 12; i++) {
        last = performance.now();
        await say(connection);
        await sleep(100);
      }
      await expectClosed(connection, last + 800);
    },
  },
  {
    name: "closes a client that sends one byte after the other, when its time is over",
    seenBy: "a client that sent a byte every 20 ms, for longer than --deadline 500",
    faults: [[/not closed/, "every byte begins a new visit: the end of a visit must not move"]],
    inspects: true,
    start: { args: ["--idle", "20000", "--deadline", "500"] },
    async run(server) {
      const start = performance.now();
      using connection = await connect(server);
      const drops = setInterval(() => connection.write(bytesOf("a")).catch(() => {}), 20);
      try {
        await expectClosed(connection, start + 500);
      } finally {
        clearInterval(drops);
      }
    },
  },
  {
    name: "does not close a client for the silence of the one that had its descriptor before",
    seenBy: "a client that connected when another had gone, and got its descriptor",
    faults: [[
      /too early/,
      "the timer of one that has gone closes the next one with its descriptor",
    ]],
    inspects: true,
    start: { args: ["--idle", "600"] },
    async run(server) {
      {
        using first = await connect(server);
        await say(first);
        await sleep(300);
      }
      await sleep(20); // its descriptor is free
      const start = performance.now();
      using second = await connect(server);
      await expectClosed(second, start + 600);
    },
  },
  {
    name: "answers a client that spoke while the server was stopped for long",
    seenBy: "a client that spoke while the server was stopped for longer than --idle",
    faults: [[CUT, "what is late is decided before what has arrived meanwhile is read"]],
    inspects: true,
    start: { args: ["--idle", "300"] },
    async run(server) {
      using connection = await connect(server);
      await say(connection);
      await sleep(50); // until it sleeps
      server.kill("SIGSTOP");
      await sleep(20); // until it has stopped
      const reply = ignoreRejection(say(connection));
      await sleep(500);
      server.kill("SIGCONT");
      await deadline(reply, PATIENCE, "it was not answered");
    },
  },
  {
    name: "lets clients wait for a place, and sleeps meanwhile",
    seenBy: "the third client of a server with --limit 2",
    faults: [
      [/was served/, "the number of clients is not checked before one more is accepted"],
      [/of a core/, "a listener that is ready and not accepted from must not be watched"],
      [/got no place/, "nothing watches the listener again when a client has gone"],
    ],
    inspects: true,
    start: { args: ["--limit", "2"] },
    async run(server) {
      using first = await connect(server);
      using second = await connect(server);
      await Promise.all([say(first), say(second)]);
      using third = await connect(server);
      let isServed = false;
      const served = ignoreRejection(say(third).then(() => isServed = true));
      const shares = [await server.cpuShare(150), await server.cpuShare(150)];
      assert(Math.min(...shares) < 0.3, `it used ${shares} of a core`);
      assert(!isServed, "a third client was served");
      first.close();
      await deadline(served, PATIENCE, "it got no place");
    },
  },
  {
    name: "ends on SIGTERM, but sends the replies that it owes before",
    seenBy: "a client that had sent a lot and read nothing when SIGTERM came",
    faults: [[CUT, "it ends, or closes a client, while there are bytes that it has not sent"]],
    inspects: true,
    ends: true,
    async run(server) {
      using quick = await connect(server);
      await say(quick);
      // One that sends until nothing more is taken, and then only reads.
      const slow = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
      try {
        tryConnect(slow, server);
        const bytes = new Uint8Array(256 * 1024).fill(97);
        let [sent, received] = [0, 0];
        for (let still = 0; still < 20; still++, await sleep(5)) {
          for (let n; (n = trySend(slow, bytes)) > 0; sent += n) still = 0;
        }
        assert(sent > 2 ** 20, `only ${sent} bytes were taken`);
        server.kill("SIGTERM");
        await expectEnd(quick);
        await sleep(200); // longer than a client may be silent that has its reply
        for (const end = performance.now() + PATIENCE; performance.now() < end;) {
          const length = tryRecv(slow, bytes);
          if (length === -EAGAIN) await sleep(1);
          else if (length > 0) received += length;
          else break;
        }
        assert.equal(received, sent, `the reply ended after ${received} of ${sent} bytes`);
      } finally {
        close(slow);
      }
      await expectOrderlyEnd(server);
    },
  },
  {
    name: "serves the clients that were connected when SIGTERM came, and refuses others",
    seenBy: "one of five clients that were in the queue of the listener when SIGTERM came",
    faults: [
      [CUT, "the kernel resets those in the queue of a listener that is closed: accept them first"],
      [/was not refused/, "the listener stays open when the server is to end"],
    ],
    inspects: true,
    ends: true,
    async run(server) {
      using mute = await connect(server);
      server.kill("SIGSTOP");
      await sleep(20); // until it has stopped
      using stack = new DisposableStack();
      const clients = [mute];
      while (clients.length < 6) clients.push(stack.use(await connect(server)));
      server.kill("SIGTERM");
      server.kill("SIGCONT");
      await sleep(100);
      await assert.rejects(
        () => connect(server),
        Deno.errors.ConnectionRefused,
        "one more was not refused",
      );
      await deadline(Promise.all(clients.map((client) => say(client))), PATIENCE, "no reply came");
      await Promise.all(clients.map(expectEnd));
      await expectOrderlyEnd(server);
    },
  },
  {
    name: "lets clients finish for as long as --grace allows, and no longer",
    seenBy: "a client that had said nothing yet when SIGTERM came, with --grace 400",
    faults: [
      [/too early/, "one that has not spoken yet is taken for one that has all it wanted"],
      [/not closed/, "nothing closes those that are left when the time is over"],
    ],
    inspects: true,
    ends: true,
    start: { args: ["--grace", "400"] },
    async run(server) {
      using mute = await connect(server);
      using answered = await connect(server);
      await say(answered); // so the other one has been accepted, too
      const start = performance.now();
      server.kill("SIGTERM");
      await expectClosed(mute, start + 400);
      await expectOrderlyEnd(server);
    },
  },
  {
    name: "ends at once on the second SIGTERM",
    seenBy: "the user who sent SIGTERM twice, with --grace 60000",
    faults: [[/./, "the second SIGTERM is not read, or it is waited for the clients all the same"]],
    inspects: true,
    ends: true,
    start: { args: ["--grace", "60000"] },
    async run(server) {
      using mute = await connect(server);
      using answered = await connect(server);
      await say(answered);
      server.kill("SIGTERM");
      await expectEnd(answered);
      const outcome = await Promise.race([server.ended.then(() => "it ended"), sleep(200)]);
      assert.equal(outcome, undefined, "it ended on the first SIGTERM, with a client");
      await server.stop("SIGTERM");
      await expectClosed(mute, 0);
      await expectOrderlyEnd(server);
    },
  },
  {
    name: "leaves new clients to its successor while it finishes with its own",
    seenBy: "clients of a server that shares its listener, and was sent SIGTERM",
    faults: [
      [/was served/, "it accepts clients from a listener that is not its own any more"],
      [
        CUT,
        "it watches a listener that it has closed: epoll does until its last descriptor is closed",
      ],
    ],
    inspects: true,
    async run({ subject }) {
      await using old = await startWithListener(subject);
      using own = await connect(old);
      using answered = await connect(old);
      await say(answered);
      Deno.kill(old.pid, "SIGTERM");
      await expectEnd(answered);
      using next = await connect(old); // it is in the queue, which is not the old one's any more
      const served = ignoreRejection(say(next).then(() => "served"));
      const outcome = await Promise.race([served, sleep(100)]);
      assert.equal(outcome, undefined, "a new client was served");
      await deadline(say(own), PATIENCE, "no reply came");
      await expectEnd(own);
      assert.equal(await deadline(old.code, PATIENCE, "it did not end"), 0);
    },
  },
];

/** Waits until the server closes a connection, which must not be before a time. */
async function expectClosed(connection: Deno.Conn, earliest: number) {
  const piece = new Uint8Array(1024);
  async function untilClosed() {
    while (await connection.read(piece).catch(() => null) !== null);
  }
  await deadline(untilClosed(), PATIENCE, "it was not closed");
  const early = earliest - performance.now();
  assert(early <= 0, `it was closed ${early.toFixed(1)} ms too early`);
}

async function expectOrderlyEnd(server: Server) {
  const { code } = await deadline(server.ended, PATIENCE, "it did not end");
  assert.equal(code, 0, `the server ended with exit code ${code}`);
}

/** Starts a server that inherits its listener, whose other descriptor is kept, as systemd does. */
async function startWithListener({ script, permissions }: Subject) {
  const code = `
    import { dup2 } from "${new URL("../../../linux/exec.ts", import.meta.url)}";
    import { listenTcp } from "${new URL("../../../linux/socket.ts", import.meta.url)}";
    dup2(listenTcp({ host: "127.0.0.1", port: 0 }), 0);
    const shell = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&0 </dev/null';
    const args = ["-c", shell, "sh", ...${JSON.stringify(denoRun(script, permissions))}];
    const server = new Deno.Command("sh", { args, stdin: "inherit" }).spawn();
    console.log("pid " + server.pid);
    console.log("code " + (await server.status).code);
    setInterval(() => {}, 1000);`;
  const [pid, ended] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const manager = new Child([Deno.execPath(), "eval", "--quiet", code], {
    onLine(line) {
      const [word, number] = line.split(" ");
      if (word === "pid") pid.resolve(Number(number));
      if (word === "code") ended.resolve(Number(number));
    },
  });
  const port = await manager.listening();
  assert(port !== undefined, manager.errors.join("\n"));
  const server = { host: "127.0.0.1", port, pid: await pid.promise, code: ended.promise };
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await manager[Symbol.asyncDispose]();
      try {
        Deno.kill(server.pid, "SIGKILL");
      } catch { /* it has ended */ }
    },
  };
}
