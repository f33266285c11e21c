/**
 * Running Deno and other programs as child processes, for tests.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Ended } from "../shared/tools/check/server.ts";

/** The root of the project. */
export const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Runs Deno to its end, in the root of the project. */
export function deno(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  // A test leaves no traces in the user's own folder: this one cannot be written into.
  const variables = { NO_COLOR: "1", XDG_STATE_HOME: "/dev/null", ...env };
  const options = { args, cwd: ROOT, env: variables, stdin: "null" } as const;
  return outcomeOf(new Deno.Command(Deno.execPath(), options));
}

/** Runs a command to its end. */
export async function outcomeOf(command: Deno.Command): Promise<Ended> {
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Whether there is a python3. */
export const hasPython: boolean = (() => {
  try {
    return new Deno.Command("python3", { args: ["--version"], stdout: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
})();

/** script(1), which runs a command at a pseudo-terminal; undefined where there is none. */
export const terminal: string | undefined = ["/usr/bin/script", "/bin/script"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Why strace(1) cannot watch a process here; empty where it can. */
export const whyNoStrace: string = (() => {
  try {
    const args = ["-f", "-o", "/dev/null", "-e", "trace=none", "true"];
    const { success, stderr } = new Deno.Command("strace", { args, stdout: "null" }).outputSync();
    return success ? "" : `strace says: ${new TextDecoder().decode(stderr).split("\n")[0]}`;
  } catch {
    return "there is no strace";
  }
})();
