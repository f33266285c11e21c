/**
 * Lesson 22 · A server's life: a restart, and how many clients it loses.
 *
 * A client comes every millisecond, while a new version of the server takes the place of the old
 * one. First, the new version inherits the listening socket: both accept, until the old one lets
 * its clients finish. Then the same with a version that binds to the port when the old one is gone.
 *
 * Run:  deno run --allow-ffi --allow-net --allow-run lessons/22-lifetime/restart.ts
 * Try:  deno run --allow-ffi --allow-net --allow-run lessons/22-lifetime/restart.ts --runs 10
 * Man:  sd_listen_fds(3), dup2(2), signalfd(2)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../shared/client.ts";
import { linesOf } from "../../shared/lines.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { dup2 } from "../../shared/linux/exec.ts";
import { listenTcp } from "../../shared/linux/socket.ts";
import { number, parseOptions, text } from "../../shared/options.ts";
import { connectOnce } from "../../shared/ready.ts";

const options = parseOptions({
  clients: number(2000, "how many clients come during a restart, one every ms", 1, 60_000),
  pause: number(50, "how many ms each of them needs until it says hello", 0, 1000),
  runs: number(1, "how many restarts of either kind", 1, 1000),
  server: text("lessons/22-lifetime/server.ts", "the script that is restarted"),
});
const [HOST, PATIENCE] = ["127.0.0.1", 5000]; // milliseconds
// The shell knows its process id, which is the server's when that takes its place.
const INHERIT = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&0 </dev/null';
const server = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-ffi", options.server];
const message = new TextEncoder().encode("hello");
const running = new Set<Deno.ChildProcess>();

for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);

for (const inherits of [true, false]) {
  for (let i = 0; i < options.runs; i++) {
    const listener = inherits ? listenTcp({ host: HOST, port: 0 }) : undefined;
    if (listener !== undefined) dup2(listener, 0); // our stdin is what a child inherits
    const old = await start(0, inherits);
    const visits = visitAll(old.port);
    await sleep(options.clients / 3);
    if (!inherits) await end(old.version); // two cannot bind to one port
    const { version } = await start(old.port, inherits);
    if (inherits) await end(old.version);
    const outcomes = await visits;
    await end(version);
    if (listener !== undefined) close(listener);
    const counts = ["served", "refused", "reset", "left waiting"].map((outcome) =>
      `${outcomes.filter((one) => one === outcome).length} ${outcome}`
    );
    console.log(`${inherits ? "handed over" : "bound again"}: ${counts.join(", ")}`);
  }
}
Deno.exit(); // the listeners for signals would keep it

/** Starts a version of the server, and waits until it listens. */
async function start(port: number, inherits: boolean) {
  const version = new Deno.Command("sh", {
    args: ["-c", inherits ? INHERIT : 'exec "$@"', "sh", ...server, "--port", `${port}`],
    stdin: inherits ? "inherit" : "null",
    stdout: "piped",
  }).spawn();
  running.add(version);
  for await (const line of linesOf(version.stdout)) return { version, port: +line.split(":")[1] };
  throw new Error("a version of the server did not start");
}

async function end(version: Deno.ChildProcess) {
  version.kill("SIGTERM");
  await version.status;
  running.delete(version);
}

function stop() {
  for (const version of running) version.kill("SIGKILL");
  Deno.exit(1);
}

/** Lets a client come every millisecond; returns what each of them met. */
async function visitAll(port: number): Promise<string[]> {
  const [visits, begin] = [[] as Promise<string>[], performance.now()];
  while (visits.length < options.clients) {
    visits.push(visit(port));
    while (performance.now() - begin < visits.length) await sleep(1);
  }
  return await Promise.all(visits);
}

async function visit(port: number): Promise<string> {
  try {
    using connection = await connectOnce({ host: HOST, port });
    await sleep(options.pause); // as over a long way
    const reply = ask(connection, message).then(() => "served");
    return await Promise.race([reply, sleep(PATIENCE, "left waiting", { ref: false })]);
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused ? "refused" : "reset";
  }
}
