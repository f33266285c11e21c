/**
 * Processes: posix_spawn(3) starts them, waitpid(2) reaps them, kill(2) ends them, and prctl(2)
 * ties their lives to that of their parent.
 *
 * @module
 */

import { constants } from "node:os";
import { ECHILD, EINTR, orErrno, orThrow, systemError } from "./errno.ts";
import { type Bytes, processes as libc } from "./libc.ts";

/** waitpid(2): return at once if none has ended. */
export const WNOHANG = 1;
/** kill(2): ends a process. It cannot be caught or ignored. */
export const SIGKILL = 9;
/** prctl(2): the signal for this process when the _thread_ that has started it ends. */
export const PR_SET_PDEATHSIG = 1;

/**
 * Starts a program in a new process, which inherits the environment, and descriptors that have no
 * FD_CLOEXEC. Returns the process id. See posix_spawn(3).
 */
export function posix_spawn(path: string, argv: readonly string[]): number {
  const pid = new Int32Array(1);
  // One block, which begins with the path: what is an argument of the call is not freed meanwhile.
  const texts = new TextEncoder().encode([path, ...argv, ""].join("\0"));
  const environment = new Deno.UnsafePointerView(libc.environ!).getPointer();
  const error = libc.posix_spawn(pid, texts, null, null, addressesIn(texts), environment);
  if (error !== 0) throw systemError("posix_spawn", error, path);
  return pid[0];
}

/** The addresses of the texts in a block, all but the first, and a null pointer behind them. */
export function addressesIn(texts: Bytes): BigUint64Array<ArrayBuffer> {
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(texts));
  const ends = Array.from(texts.keys()).filter((at) => texts[at] === 0);
  return BigUint64Array.from([...ends.slice(0, -1).map((at) => start + BigInt(at + 1)), 0n]);
}

/**
 * Asks how a child has ended, or any child if `pid` is -1; until then, it is a zombie. Returns
 * undefined if there is none, or, with WNOHANG, if none has ended. See waitpid(2).
 */
export function waitpid(pid: number, options = 0): { pid: number; status: number } | undefined {
  const status = new Int32Array(1);
  let result;
  do result = orErrno(libc.waitpid(pid, status, options)); while (result === -EINTR);
  if (result === 0 || result === -ECHILD) return undefined;
  return { pid: orThrow("waitpid", result, pid), status: status[0] };
}

/** How a process has ended, by its status: the name of a signal (WTERMSIG), or `exit code 1`. */
export function statusText(status: number): string {
  const [name] = Object.entries(constants.signals).find(([, n]) => n === (status & 0x7f)) ?? [];
  return name ?? `exit code ${status >> 8}`;
}

/** Sends a signal to a process, see kill(2). Throws if there is none with this id. */
export function kill(pid: number, signal: number): void {
  orThrow("kill", orErrno(libc.kill(pid, signal)), pid);
}

/** Changes something about this process, see prctl(2). */
export function prctl(operation: number, argument: number): void {
  orThrow("prctl", orErrno(libc.prctl(operation, BigInt(argument))), operation);
}
