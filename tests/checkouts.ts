/**
 * Copies of the project in other places, for tests of what a checkout has to stand.
 *
 * @module
 */

import { dirname } from "node:path";
import { ROOT } from "./processes.ts";
import { filesBelow } from "./tree.ts";

/** Copies the project, as it is now, into a folder of this name; returns the path. */
export function copyOfProject(folder: string): string {
  for (const path of filesBelow()) {
    Deno.mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    Deno.copyFileSync(ROOT + path, `${folder}/${path}`);
  }
  return folder;
}

/** Runs git(1) in a folder; throws with what it says if that fails. */
export function git(folder: string, ...args: string[]): void {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
  const { success, stderr } = new Deno.Command("git", {
    args: ["-C", folder, ...identity, "-c", "commit.gpgSign=false", ...args],
    // Whatever the user has set for all repositories, the test is to see one thing alone.
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
    stdin: "null",
    stdout: "null",
  }).outputSync();
  if (!success) throw new Error(`git ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

/** Why git(1) cannot be used; empty if it can. */
export const whyNoGit: string = (() => {
  try {
    const { success } = new Deno.Command("git", { args: ["--version"], stdout: "null" })
      .outputSync();
    return success ? "" : "git does not work";
  } catch {
    return "there is no git";
  }
})();
