/**
 * Processes: posix_spawn(3) starts them, waitpid(2) reaps them, kill(2) ends them, and prctl(2)
 * ties their lives to that of their parent.
 *
 * @module
 */

import { ECHILD, EINTR, orErrno, orThrow, systemError } from "./errno.ts";
import { type Bytes, processes as libc } from "./libc.ts";
import { signalName } from "./names.ts";

/** waitpid(2): return at once if none has ended. */
export const WNOHANG = 1;
/** kill(2): ends a process. It cannot be caught or ignored. */
export const SIGKILL = 9;
/** prctl(2): the signal that this process gets when the thread that has started it ends. */
export const PR_SET_PDEATHSIG = 1;

/**
 * Starts another program in a new process, which inherits all descriptors without FD_CLOEXEC, and
 * the environment. See posix_spawn(3).
 *
 * @param path The program.
 * @param argv Its arguments; the first is its own name.
 * @returns The id of the process.
 */
export function posix_spawn(path: string, argv: readonly string[]): number {
  const pid = new Int32Array(1);
  const strings = argv.map(cString);
  const error = libc.posix_spawn(pid, cString(path), null, null, vector(strings), libc.environ);
  if (error !== 0) throw systemError("posix_spawn", error, path);
  return pid[0];
}

/** A text as C has it, with a zero at its end. */
export function cString(text: string): Bytes {
  return new TextEncoder().encode(`${text}\0`);
}

/** The addresses of texts, and a null pointer behind them. They must be kept as long as it. */
export function vector(strings: readonly Bytes[]): BigUint64Array<ArrayBuffer> {
  const addresses = strings.map((text) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)));
  return BigUint64Array.from([...addresses, 0n]);
}

/** A child that has ended, and its status: 0 if it has ended with exit code 0. */
export type Ended = { pid: number; status: number };

/**
 * Asks how a child has ended, or any child where `pid` is -1, which takes the last trace of it, a zombie, out of the kernel's list
 * of processes. See waitpid(2).
 *
 * @returns undefined if there is no such child; with WNOHANG, also if none has ended.
 */
export function waitpid(pid: number, options = 0): Ended | undefined {
  const status = new Int32Array(1);
  let result;
  do result = orErrno(libc.waitpid(pid, status, options)); while (result === -EINTR);
  if (result === 0 || result === -ECHILD) return undefined;
  return { pid: orThrow("waitpid", result, pid), status: status[0] };
}

/** How a process has ended, by its status: `exit code 1`, or the name of a signal. */
export function statusText(status: number): string {
  const signal = status & 0x7f; // WTERMSIG of waitpid(2)
  return signal === 0 ? `exit code ${status >> 8}` : signalName(signal);
}

/** Sends a signal to a process, see kill(2). Throws if there is none with this id. */
export function kill(pid: number, signal: number): void {
  orThrow("kill", orErrno(libc.kill(pid, signal)), pid);
}

/**
 * Changes something about this process, see prctl(2).
 *
 * PR_SET_PDEATHSIG is about a _thread_ of the parent: the one that has started this process. If
 * the parent has ended before this call, no signal comes; {@linkcode getppid} shows that.
 */
export function prctl(operation: number, argument: number): void {
  orThrow("prctl", orErrno(libc.prctl(operation, BigInt(argument))), operation);
}

/** The id of the parent; that of another process, such as 1, when the parent has ended. */
export function getppid(): number {
  return libc.getppid();
}
