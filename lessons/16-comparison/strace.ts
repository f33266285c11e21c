/**
 * Counts the system calls of a server that cannot run under the recorder.
 *
 * @module
 */

import { linesOf } from "../../shared/lines.ts";

/** The last line of strace's table: share, seconds, microseconds a call, and how many calls. */
const TOTAL = /^ *100\.00 +[\d.]+ +\d+ +(\d+) .*total$/m;

/**
 * Counts the system calls of a process for each message, with strace. That slows the process down,
 * so a server that answers all waiting messages in one round makes fewer calls than usual.
 *
 * @param work Runs meanwhile, and returns how many messages were answered.
 * @returns The calls for each message; undefined if strace is missing or may not watch the process.
 */
export async function countWithStrace(
  pid: number,
  work: () => number,
): Promise<number | undefined> {
  const process = start(pid);
  if (process === undefined) return undefined;
  const lines: string[] = [];
  const attached = Promise.withResolvers<boolean>();
  const read = (async () => {
    for await (const line of linesOf(process.stderr)) {
      lines.push(line);
      if (/ attached/.test(line)) attached.resolve(true);
    }
    attached.resolve(false);
  })();
  let messages = 0;
  try {
    if (await attached.promise) messages = work();
  } finally {
    end(process);
    await Promise.all([process.status, read]);
  }
  const calls = TOTAL.exec(lines.join("\n"))?.[1];
  return messages === 0 || calls === undefined ? undefined : Number(calls) / messages;
}

function start(pid: number): Deno.ChildProcess | undefined {
  try {
    const args = ["-f", "-c", "-p", String(pid)];
    return new Deno.Command("strace", { args, stdin: "null", stdout: "null", stderr: "piped" })
      .spawn();
  } catch {
    return undefined; // strace is not installed
  }
}

/** Interrupts strace as Ctrl-C would, so that it detaches, and the process goes on alone. */
function end(process: Deno.ChildProcess) {
  try {
    process.kill("SIGINT");
  } catch {
    // It has ended by itself.
  }
}
