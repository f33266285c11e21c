/**
 * Counts the system calls of a server that does not count them itself.
 *
 * @module
 */

import { linesOf } from "../../shared/lines.ts";

/** The last line of strace's table: share, seconds, microseconds a call, and how many calls. */
const TOTAL = /^ *100\.00 +[\d.]+ +\d+ +(\d+) .*total$/m;

/**
 * Counts the system calls of a process for each message, with strace, which makes it slower: so a
 * server that answers as many as are waiting makes a few calls less than usual.
 *
 * @param work What is done meanwhile, and tells how many messages that were.
 * @returns undefined where there is no strace, or it may not watch that process.
 */
export async function countWithStrace(
  pid: number,
  work: () => number,
): Promise<number | undefined> {
  const process = start(pid);
  if (process === undefined) return undefined;
  const said: string[] = [];
  const attached = Promise.withResolvers<boolean>();
  const read = (async () => {
    for await (const line of linesOf(process.stderr)) {
      said.push(line);
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
  const calls = TOTAL.exec(said.join("\n"))?.[1];
  return messages === 0 || calls === undefined ? undefined : Number(calls) / messages;
}

function start(pid: number): Deno.ChildProcess | undefined {
  try {
    const args = ["-f", "-c", "-p", String(pid)];
    return new Deno.Command("strace", { args, stdin: "null", stdout: "null", stderr: "piped" })
      .spawn();
  } catch {
    return undefined; // there is none
  }
}

/** As Ctrl-C would; then it lets the process go on alone. */
function end(process: Deno.ChildProcess) {
  try {
    process.kill("SIGINT");
  } catch {
    // It has ended by itself.
  }
}
