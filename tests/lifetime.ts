/**
 * What lesson 22's server promises, besides what every server does. The tests try it on the server,
 * and on wrong ones.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { deadline, delay } from "@std/async";
import { close } from "../shared/linux/descriptors.ts";
import { EAGAIN } from "../shared/linux/errno.ts";
import {
  AF_INET,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  tryConnect,
  tryRecv,
  trySend,
} from "../shared/linux/socket.ts";
import {
  bytesOf,
  connect,
  expectEnd,
  ignoreRejection,
  say,
} from "../shared/tools/check/clients.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";

/** A promise: the end of the sentence "the server …", and what throws if it is not kept. */
export type Promised = [name: string, check: (subject: Subject) => Promise<void>];

/** How long a test waits for what has to come, in milliseconds. */
const PATIENCE = 5000;

/** Waits until the server closes a connection, which must not be before a time, nor much later. */
async function expectClosed(connection: Deno.Conn, earliest: number) {
  const piece = new Uint8Array(1024);
  async function untilClosed() {
    while (await connection.read(piece).catch(() => null) !== null);
  }
  await deadline(untilClosed(), PATIENCE);
  const early = earliest - performance.now();
  assert(early <= 0, `it was closed ${early.toFixed(1)} ms too early`);
}

/** What the server promises. */
export const promises: Promised[] = [
  ["closes silent clients, and none before its time", async (subject) => {
    await using server = await Server.start(subject, { args: ["--idle", "300"] });
    async function beSilent() {
      const start = performance.now(); // before the server can have begun to count
      using connection = await connect(server);
      await expectClosed(connection, start + 300);
    }
    // Ticks come every 20 ms, and these clients at other times.
    const clients = Array.from({ length: 12 }, (_, i) => delay(i * 7).then(beSilent));
    await Promise.all(clients);
  }],
  ["counts the silence of a client from its last byte", async (subject) => {
    await using server = await Server.start(subject, { args: ["--idle", "800"] });
    using connection = await connect(server);
    let last = 0;
    for (let i = 0; i < 12; i++) {
      last = performance.now();
      await say(connection);
      await delay(100);
    }
    await expectClosed(connection, last + 800);
  }],
  [
    "closes a client that sends one byte after the other, when its time is over",
    async (subject) => {
      const args = ["--idle", "20000", "--deadline", "500"];
      await using server = await Server.start(subject, { args });
      const start = performance.now();
      using connection = await connect(server);
      const drops = setInterval(() => connection.write(bytesOf("a")).catch(() => {}), 20);
      try {
        await expectClosed(connection, start + 500);
      } finally {
        clearInterval(drops);
      }
    },
  ],
  [
    "does not close a client for the silence of the one that had its descriptor before",
    async (subject) => {
      await using server = await Server.start(subject, { args: ["--idle", "600"] });
      {
        using first = await connect(server);
        await say(first);
        await delay(300);
      }
      await delay(20); // its descriptor is free
      const start = performance.now();
      using second = await connect(server);
      await expectClosed(second, start + 600);
    },
  ],
  ["answers a client that spoke while the server was stopped for long", async (subject) => {
    await using server = await Server.start(subject, { args: ["--idle", "300"] });
    using connection = await connect(server);
    await say(connection);
    await delay(50); // until it sleeps
    server.kill("SIGSTOP");
    await delay(20); // until it has stopped
    const reply = ignoreRejection(say(connection));
    await delay(500);
    server.kill("SIGCONT");
    await deadline(reply, PATIENCE);
  }],
  ["lets clients wait for a place, and sleeps meanwhile", async (subject) => {
    await using server = await Server.start(subject, { args: ["--limit", "2"] });
    using first = await connect(server);
    using second = await connect(server);
    await Promise.all([say(first), say(second)]);
    using third = await connect(server);
    let isServed = false;
    const served = ignoreRejection(say(third).then(() => isServed = true));
    const shares = [await server.cpuShare(150), await server.cpuShare(150)];
    assert(Math.min(...shares) < 0.3, `it used ${shares} of a core`);
    assertEquals(isServed, false, "a third client was served");
    first.close();
    await deadline(served, PATIENCE);
  }],
  ["ends on SIGTERM, but sends the replies that it owes before", async (subject) => {
    await using server = await Server.start(subject);
    using quick = await connect(server);
    await say(quick);
    // One that sends until nothing more is taken, and then only reads.
    const slow = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
    try {
      tryConnect(slow, server);
      const bytes = new Uint8Array(256 * 1024).fill(97);
      let [sent, received] = [0, 0];
      for (let still = 0; still < 20; still++, await delay(5)) {
        for (let n; (n = trySend(slow, bytes)) > 0; sent += n) still = 0;
      }
      assert(sent > 2 ** 20, `only ${sent} bytes were taken`);
      server.kill("SIGTERM");
      await expectEnd(quick);
      await delay(200); // longer than a client may be silent that has its reply
      for (const end = performance.now() + PATIENCE; performance.now() < end;) {
        const length = tryRecv(slow, bytes);
        if (length === -EAGAIN) await delay(1);
        else if (length > 0) received += length;
        else break;
      }
      assertEquals(received, sent, `the reply ended after ${received} of ${sent} bytes`);
    } finally {
      close(slow);
    }
    assertEquals((await deadline(server.ended, PATIENCE)).code, 0);
  }],
  [
    "serves the clients that were connected when SIGTERM came, and refuses others",
    async (subject) => {
      await using server = await Server.start(subject);
      using mute = await connect(server);
      server.kill("SIGSTOP");
      await delay(20); // until it has stopped
      using stack = new DisposableStack();
      const clients = [mute];
      while (clients.length < 6) clients.push(stack.use(await connect(server)));
      server.kill("SIGTERM");
      server.kill("SIGCONT");
      await delay(100);
      await assertRejects(() => connect(server), Deno.errors.ConnectionRefused);
      await deadline(Promise.all(clients.map((client) => say(client))), PATIENCE);
      await deadline(Promise.all(clients.map(expectEnd)), PATIENCE);
      assertEquals((await deadline(server.ended, PATIENCE)).code, 0);
    },
  ],
  ["lets clients finish for as long as --grace allows, and no longer", async (subject) => {
    await using server = await Server.start(subject, { args: ["--grace", "400"] });
    using mute = await connect(server);
    using answered = await connect(server);
    await say(answered); // so the other one has been accepted, too
    const start = performance.now();
    server.kill("SIGTERM");
    await expectClosed(mute, start + 400);
    assertEquals((await deadline(server.ended, PATIENCE)).code, 0);
  }],
  ["ends at once on the second SIGTERM", async (subject) => {
    await using server = await Server.start(subject, { args: ["--grace", "60000"] });
    using mute = await connect(server);
    using answered = await connect(server);
    await say(answered);
    server.kill("SIGTERM");
    await expectEnd(answered);
    assertEquals(await Promise.race([server.ended.then(() => "ended"), delay(200)]), undefined);
    await server.stop("SIGTERM");
    await expectClosed(mute, 0);
    assertEquals((await server.ended).code, 0);
  }],
  ["leaves new clients to its successor while it finishes with its own", async (subject) => {
    await using old = await startWithListener(subject);
    using own = await connect(old);
    using answered = await connect(old);
    await say(answered);
    Deno.kill(old.pid, "SIGTERM");
    await expectEnd(answered);
    using next = await connect(old); // it is in the queue, which is not the old one's any more
    const served = ignoreRejection(say(next).then(() => "served"));
    assertEquals(await Promise.race([served, delay(100)]), undefined);
    await deadline(say(own), PATIENCE);
    await deadline(expectEnd(own), PATIENCE);
    assertEquals(await deadline(old.code, PATIENCE), 0);
  }],
];

/** Starts a server that inherits its listener, whose other descriptor is kept, as systemd does. */
async function startWithListener({ script, permissions }: Subject) {
  const code = `
    import { dup2 } from "${new URL("../shared/linux/exec.ts", import.meta.url)}";
    import { listenTcp } from "${new URL("../shared/linux/socket.ts", import.meta.url)}";
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
