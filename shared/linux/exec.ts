/**
 * Executing a program in the place of this one, and what it inherits: execve(2), environ(7),
 * dup2(2).
 *
 * @module
 */

import { close, O_CLOEXEC, O_RDONLY, open, read } from "./descriptors.ts";
import { errno, orErrno, orThrow, systemError } from "./errno.ts";
import { type Bytes, programs as libc } from "./libc.ts";

/** A text as C has it, with a zero at its end. */
function cString(text: string): Bytes {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * Executes another program in the place of this one: in the same process, with the same
 * environment, the same mask of signals, and the descriptors that do not have FD_CLOEXEC. See
 * execve(2).
 *
 * @param path Where it is.
 * @param args Its arguments; the first is its name.
 * @throws {Error} if it cannot be executed; else this does not return.
 */
export function execv(path: string, args: readonly string[]): never {
  const strings = args.map(cString); // kept until the kernel has copied them
  const addresses = strings.map((bytes) =>
    BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)))
  );
  libc.execv(cString(path), BigUint64Array.from([...addresses, 0n]));
  throw systemError("execv", errno(), path);
}

/** The arguments that this process was executed with, its name first. See proc_pid_cmdline(5). */
export function ownArguments(): string[] {
  const bytes = new Uint8Array(2 ** 21); // their usual limit, all together
  const fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  const length = read(fd, bytes);
  close(fd);
  return new TextDecoder().decode(bytes.subarray(0, length)).split("\0").slice(0, -1);
}

/** A variable of the environment; undefined if there is none. See getenv(3). */
export function getenv(name: string): string | undefined {
  const text = libc.getenv(cString(name));
  return text === null ? undefined : new Deno.UnsafePointerView(text).getCString();
}

/**
 * Gives a descriptor a second number, and closes what had that number before, see dup2(2). Programs
 * that are executed inherit the second one.
 */
export function dup2(fd: number, number: number): void {
  orThrow("dup2", orErrno(libc.dup2(fd, number)), fd);
}
