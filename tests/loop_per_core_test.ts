/** Lesson 20: which loop gets which clients, how many loops wake up, and what a loop leaves. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { deadline, delay } from "@std/async";
import { getAvailablePort } from "@std/net";
import { connectWhenReady } from "../shared/ready.ts";
import { connect, say } from "../shared/tools/check/clients.ts";
import { LOOPS, loopsWokenByConnect } from "../shared/tools/check/scenarios/sharing.ts";
import { Server } from "../shared/tools/check/server.ts";
import { descriptorsOf } from "../shared/tools/process/proc.ts";
import { clientsByLoop, startLoops } from "./loops.ts";
import { subjectOf } from "./mutants/mutants.ts";
import { deno, outcomeOf } from "./processes.ts";

const server = subjectOf("20 loop-per-core");
const shared = subjectOf("20 loop-per-core shared");
const herd = subjectOf("20 loop-per-core herd");
const handing = subjectOf("20 loop-per-core handing");

Deno.test("SO_REUSEPORT spreads 400 clients over 4 loops, nearly evenly", async () => {
  const clients = await clientsByLoop(server, 400);
  assertEquals(clients.reduce((sum, count) => sum + count), 400);
  // 100 each, and so far from it once in ten million runs.
  for (const count of clients) assert(count > 50 && count < 150, clients.join());
});

Deno.test("clients that are dealt out in turn are spread evenly, one more or less", async () => {
  assertEquals(await clientsByLoop(handing, 10), [3, 3, 2, 2]);
});

Deno.test("every client that a shared listener gets is counted once", async () => {
  for (const subject of [shared, herd]) {
    const clients = await clientsByLoop(subject, 40);
    assertEquals(clients.reduce((sum, count) => sum + count), 40);
  }
});

Deno.test("a client wakes up all loops with --herd", async () => {
  await using server = await Server.start(herd, { args: ["--loops", String(LOOPS)] });
  // 4, if no thread has to wait for a core so long that the next client finds it awake.
  assertGreater(await loopsWokenByConnect(server), 2);
});

Deno.test("each loop of the server has its own listener, and the others share one", async () => {
  for (const [subject, expected] of [[server, LOOPS], [shared, 1], [handing, 1]] as const) {
    await using loops = await startLoops(subject);
    assertEquals(listenersOn(loops.address.port), expected);
  }
});

/** How many sockets of this machine listen on a port; see proc(5), /proc/net/tcp. */
function listenersOn(port: number): number {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").map((line) => line.trim().split(/ +/))
    .filter(([, local, , state]) => local?.endsWith(end) && state === "0A").length;
}

for (const subject of [server, shared, handing]) {
  Deno.test(`${subject.name}: no descriptor is left of clients that were silent`, async () => {
    await using loops = await startLoops(subject);
    const before = descriptorsOf(loops.child.pid);
    for (let i = 0; i < 50; i++) (await connect(loops.address)).close();
    using connection = await connect(loops.address);
    await say(connection);
    for (let i = 0; i < 100 && descriptorsOf(loops.child.pid) > before + 1; i++) await delay(20);
    assertEquals(descriptorsOf(loops.child.pid), before + 1);
  });

  Deno.test(`${subject.name}: all loops end when one has served the last client`, async () => {
    await using loops = await startLoops(subject, ["--connections", "1"]);
    const connection = await connect(loops.address);
    await say(connection);
    connection.close();
    assertEquals((await deadline(loops.child.ended, 10_000)).code, 0);
  });
}

Deno.test("a port is refused whether its listener has SO_REUSEPORT or not", async () => {
  for (
    const [first, second] of [[subjectOf("06 epoll"), server], [server, subjectOf("06 epoll")]]
  ) {
    await using running = await Server.start(first);
    const { script, permissions } = second;
    const args = ["run", ...permissions, script.href, "--port", String(running.port)];
    const { code, stderr } = await deno(args);
    assertEquals(code, 1);
    assertEquals(stderr.split(" of ")[0], `port ${running.port}`);
  }
});

for (const subject of [server, shared, handing]) {
  Deno.test(`${subject.name}: early clients leave its threads their descriptors`, async () => {
    const port = getAvailablePort();
    const early = Array.from({ length: 60 }, async () => {
      using connection = await connectWhenReady({ host: "127.0.0.1", port }, { timeout: 20_000 });
      await say(connection);
    });
    const two = { ...subject, args: ["--loops", "2"] };
    await using _server = await Server.start(two, { port, descriptors: 64 });
    await Promise.all(early);
  });
}

const ENDING = ["run", "--quiet", "--allow-ffi", "lessons/20-loop-per-core/ending.ts"];

/** For both kinds of listeners, how many clients were accepted, and how many reset. */
function endings(output: string): number[] {
  return [...output.matchAll(/(?:clients:|kernel:) +(\d+)|loop: +(\d+) of/g)].map(([, a, b]) =>
    Number(a ?? b)
  );
}

Deno.test("clients of a listener that is closed are reset, of a shared one not", async () => {
  const { code, stdout } = await deno(ENDING);
  assertEquals(code, 0);
  const [accepted, reset, ...shared] = endings(stdout);
  assertEquals([accepted + reset, ...shared], [20, 20, 0]);
  const migrates = stdout.startsWith("net.ipv4.tcp_migrate_req is 1");
  assertEquals(reset === 0, migrates);
});

/** A shell with a network of its own, in which the kernel's setting can be changed. */
const migrating = ["unshare", "-rn", "sh", "-c"];
const setting = "/proc/sys/net/ipv4/tcp_migrate_req";
const up = `ip link set lo up && echo 1 > ${setting}`;
const own = await outcomeOf(new Deno.Command(migrating[0], { args: [...migrating.slice(1), up] }))
  .catch(({ message }) => ({ code: 1, stderr: message }));

Deno.test({
  name: "with net.ipv4.tcp_migrate_req, the clients of a closed listener move to another one" +
    (own.code === 0 ? "" : ` (skipped: ${own.stderr.split("\n")[0]})`),
  ignore: own.code !== 0,
  fn: async () => {
    const script = `${up} && exec "$@"`;
    const args = [...migrating.slice(1), script, "sh", Deno.execPath(), ...ENDING];
    const { code, stdout } = await outcomeOf(new Deno.Command(migrating[0], { args }));
    assertEquals(code, 0);
    assertEquals(endings(stdout), [20, 0, 20, 0]);
  },
});
