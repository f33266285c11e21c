/** Lesson 19: what its scenarios do not see of the supervisor and its children. */

import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import { statusText } from "../shared/linux/process.ts";
import { connect, eventually, say, sendAll, visit } from "../shared/tools/check/clients.ts";
import { Server } from "../shared/tools/check/server.ts";
import { LESSONS } from "../shared/tools/lesson/catalogue.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";
import { childrenOf, familyOf, isRunning, Meter, settled } from "../shared/tools/process/proc.ts";
import { subjectOf, withEdit } from "./mutants/mutants.ts";
import { deno, ROOT } from "./processes.ts";

const SUBJECT = subjectOf("19 processes");
const FOLDER = new URL("19-processes/", LESSONS);

/** Starts the server as a user would, with all that it prints. */
function startServer(lines: string[], ...args: string[]): Child {
  const script = new URL("server.ts", FOLDER);
  const command = denoRun(script, SUBJECT.permissions, ["--port", "0", ...args]);
  return new Child(command, { onLine: (line) => lines.push(line) });
}

Deno.test("a child whose supervisor has died before it begins ends by itself", async () => {
  const task = { number: 1, started: 0, listener: 0, once: false, crash: "", supervisor: 1 };
  const child = ["run", "--no-prompt", "--allow-ffi", `${ROOT}lessons/19-processes/child.ts`];
  // Its parent is this process, and not the supervisor that it was started by.
  const { code, stdout } = await deno([...child, JSON.stringify(task)]);
  assertEquals([code, stdout], [1, ""]);
});

Deno.test("a child has the environment of its supervisor", async () => {
  const command = denoRun(new URL("server.ts", FOLDER), SUBJECT.permissions, ["--port", "0"]);
  await using server = new Child(command, { env: { INHERITED: "by children" } });
  await server.listening();
  await settled(server.pid);
  for (const pid of childrenOf(server.pid)) {
    const environment = (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0");
    assertEquals(environment.filter((text) => text.startsWith("INHERITED=")), [
      "INHERITED=by children",
    ]);
  }
});

Deno.test("a message that is --crash kills its child with SIGKILL, and no other does", async () => {
  const lines: string[] = [];
  await using server = startServer(lines, "--crash", "die");
  const address = { host: "127.0.0.1", port: (await server.listening())! };
  await settled(server.pid);
  using connection = await connect(address);
  for (const text of ["died", "Die", "di"]) await say(connection, text);
  const before = childrenOf(server.pid);
  await sendAll(connection, new TextEncoder().encode("die"));
  const end = await deadline(connection.read(new Uint8Array(1)).catch(() => null), 2000);
  assertEquals(end, null);
  await visit(address);
  await eventually(
    () => childrenOf(server.pid).filter((pid) => !before.includes(pid)).length === 1,
    "no child has taken its place",
  );
  const endings = () => lines.filter((line) => line.includes(" ended with "));
  await eventually(() => endings().length > 0, "the supervisor has not reported it");
  assertEquals(endings().map((line) => line.replace(/\d/, "N")), [
    "child N ended with SIGKILL: started again after 100 ms",
  ]);
});

Deno.test("without --crash, no message kills a child", async () => {
  await using server = await Server.start(SUBJECT);
  await server.settled();
  const before = server.children;
  for (const text of ["die", "\0", "undefined"]) {
    using connection = await connect(server);
    await say(connection, text);
  }
  assertEquals(server.children, before);
});

Deno.test("a child inherits the listener, and no other socket", async () => {
  await using server = await Server.start(SUBJECT);
  await server.settled();
  for (const pid of server.children) {
    const sockets = [...Deno.readDirSync(`/proc/${pid}/fd`)]
      .map(({ name }) => Deno.readLinkSync(`/proc/${pid}/fd/${name}`))
      .filter((link) => link.startsWith("socket:")).map((link) => /\d+/.exec(link)![0]);
    const tcp = Deno.readTextFileSync("/proc/net/tcp").split("\n")
      .map((line) => line.trim().split(/\s+/)).filter((row) => sockets.includes(row[9]));
    const port = server.port.toString(16).toUpperCase().padStart(4, "0");
    assertEquals(tcp.map(([, local, , state]) => [local, state]), [[`0100007F:${port}`, "0A"]]);
  }
});

Deno.test("a child without the listener cannot accept, and reports EBADF", async () => {
  const closed = ["fcntl(listener, F_SETFD, 0);", "fcntl(listener, F_SETFD, 1);"] as const;
  await withEdit(SUBJECT, [closed], async (mutant) => {
    await using server = await Server.start(mutant);
    await eventually(() => server.errors.join().includes("accept4("), "no child has accepted");
    // Its number may belong to another descriptor of the child, which is no socket.
    assertMatch(server.errors.join("\n"), /accept4\(\d+\): (EBADF|ENOTSOCK|EINVAL)/);
  });
});

Deno.test("--processes chooses how many clients are served at a time", async () => {
  const args = ["--processes", "2"];
  await using server = await Server.start({ ...SUBJECT, args });
  await server.settled();
  assertEquals(server.children.length, 2);
  using first = await connect(server);
  using second = await connect(server);
  await Promise.all([say(first), say(second)]);
  using third = await connect(server);
  let isServed = false;
  const reply = say(third).then(() => isServed = true);
  await Promise.all([say(first), say(second)]);
  assertEquals(isServed, false);
  first.close();
  await reply;
});

Deno.test("the cost of a server is that of all its processes, and a page counts once", async () => {
  await using server = await Server.start(SUBJECT);
  await server.settled();
  const [child] = server.children;
  const supervisor = Number(
    /^PPid:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${child}/status`))![1],
  );
  assertEquals(familyOf(supervisor).toSorted(), [supervisor, ...server.children].toSorted());
  using meter = new Meter(supervisor);
  const { processes, threads, memory } = meter.read();
  assertEquals(processes, 5);
  assertGreater(threads, 5 * 2);
  // Shared pages count once, so the sum is less than that of what each has resident.
  assertLess(memory / 2 ** 20, server.peakMemory);
  using alone = new Meter(child);
  assertLess(alone.read().threads, threads);
});

Deno.test("tools that end a server by force leave none of its processes", async () => {
  const server = await Server.start(SUBJECT);
  await server.settled();
  const { children } = server;
  // Stopped processes do nothing of their own accord.
  for (const pid of children) Deno.kill(pid, "SIGSTOP");
  await server[Symbol.asyncDispose]();
  await eventually(() => !children.some(isRunning), "a process was left");
});

Deno.test("statusText() names the signal, or the exit code", () => {
  assertEquals([9, 15, 0, 0x100, 0xff00, 9 | 0x80].map(statusText), [
    ...["SIGKILL", "SIGTERM", "exit code 0", "exit code 1", "exit code 255", "SIGKILL"],
  ]);
});
