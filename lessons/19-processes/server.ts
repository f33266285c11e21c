/**
 * Lesson 19 · Processes: the server.
 *
 * A supervisor, which serves nobody. It makes the listening socket, starts child processes that
 * inherit it, and starts each of them again when it has died. child.ts shows what a child does: it
 * serves one client at a time, as lesson 01 does.
 *
 * Run:  deno run --allow-ffi lessons/19-processes/server.ts
 * Try:  deno run --allow-net lessons/19-processes/client.ts
 * Man:  posix_spawn(3), waitpid(2), kill(2), signal(7)
 */

import { F_SETFD, fcntl } from "../../shared/linux/descriptors.ts";
import {
  kill,
  posix_spawn,
  SIGKILL,
  statusText,
  waitpid,
  WNOHANG,
} from "../../shared/linux/process.ts";
import { addressOf, listenTcp } from "../../shared/linux/socket.ts";
import { number, text } from "../../shared/options.ts";
import { serverOptions } from "../../shared/server.ts";
import type { Task } from "./child.ts";

const [SHORTEST_PAUSE, LONGEST_PAUSE] = [100, 5000]; // milliseconds, before another child

const options = serverOptions({
  processes: number(4, "how many children serve, one client each at a time", 1, 64),
  crash: text("", "a message that kills the child which receives it"),
});
const listener = listenTcp(options);
console.log(`listening on ${addressOf(listener)}`);

// With FD_CLOEXEC, which all other descriptors have, the listener would be closed when a child
// begins to execute Deno. Without it, the child has the same socket, under the same number.
fcntl(listener, F_SETFD, 0);

// With --connections, a child ends after each client, so that its end can be counted.
const once = options.connections < Infinity;
const same = { supervisor: Deno.pid, listener, once, crash: options.crash };
let served = 0;
const children = new Map<number, Task & { pause: number }>(); // by process id
let exitCode: number | undefined; // once this is to end

Deno.addSignalListener("SIGCHLD", reap);
Deno.addSignalListener("SIGINT", () => end(130));
Deno.addSignalListener("SIGTERM", () => end(143));
for (let number = 1; number <= options.processes; number++) start(number, SHORTEST_PAUSE);
setInterval(() => {}, 2 ** 31 - 1); // a program ends if it waits for signals alone

function start(number: number, pause: number, why?: string) {
  if (exitCode !== undefined) return;
  if (why !== undefined) console.log(`child ${number} ${why}`);
  const script = new URL("./child.ts", import.meta.url).href;
  const run = ["deno", "run", "--quiet", "--no-prompt", "--allow-ffi", script];
  // Not fork: of all threads of this process, a forked one has only that which has called fork, and
  // what the others had locked stays locked. A new program begins with none of that.
  const task: Task = { number, started: Date.now(), ...same };
  children.set(posix_spawn(Deno.execPath(), [...run, JSON.stringify(task)]), { ...task, pause });
}

/** Asks for the children that have ended, which are zombies until then. */
function reap() {
  // Signals coalesce, so one SIGCHLD may stand for several children.
  for (let ended; (ended = waitpid(-1, WNOHANG)) !== undefined;) {
    const { number, started, pause } = children.get(ended.pid)!;
    children.delete(ended.pid);
    if (ended.status === 0) { // it has served its one client
      if (++served === options.connections) end(0);
      start(number, SHORTEST_PAUSE);
      continue;
    }
    // A child that dies again and again must not keep the machine busy.
    const wait = Date.now() - started < LONGEST_PAUSE ? pause : SHORTEST_PAUSE;
    const why = `ended with ${statusText(ended.status)}: started again after ${wait} ms`;
    setTimeout(start, wait, number, Math.min(2 * wait, LONGEST_PAUSE), why);
  }
  if (exitCode !== undefined && children.size === 0) Deno.exit(exitCode);
}

function end(code: number) {
  exitCode ??= code;
  // No other process can have one of these ids before its child has been reaped.
  for (const pid of children.keys()) kill(pid, SIGKILL);
  reap();
}
