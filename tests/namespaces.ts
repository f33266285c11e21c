/**
 * Namespaces of a test's own, see unshare(1): what is mounted or set there, nobody else sees.
 *
 * @module
 */

import type { Ended } from "../shared/tools/check/server.ts";
import { outcomeOf, ROOT } from "./processes.ts";

/** What is isolated. */
type Kind = "--mount" | "--net";

/** Root may do it at once; others perhaps as the root of a user namespace of their own. */
const WAYS = [["unshare"], ["unshare", "--map-root-user"]];

/**
 * Runs a shell script in a namespace of its own.
 *
 * @param args What the script finds in `$1` and so on.
 */
async function tryWay(way: string[], kind: Kind, script: string, args: string[]): Promise<Ended> {
  const [program, ...options] = [...way, kind, "sh", "-c", script, "sh", ...args];
  return await outcomeOf(
    new Deno.Command(program, { args: options, cwd: ROOT, env: { NO_COLOR: "1" }, stdin: "null" }),
  );
}

/**
 * Finds out how a shell script can be run in a namespace of its own, with root's rights there.
 *
 * @param setUp A script that goes before it.
 * @returns A function that runs a script after `setUp`; or the reason why there is none.
 */
export async function isolated(
  kind: Kind,
  setUp: string,
): Promise<((script: string, ...args: string[]) => Promise<Ended>) | string> {
  let reason = "";
  for (const way of WAYS) {
    try {
      const { code, stderr } = await tryWay(way, kind, setUp, []);
      if (code === 0) {
        return (script, ...args) => tryWay(way, kind, `${setUp} && ${script}`, args);
      }
      reason ||= stderr.split("\n")[0];
    } catch (error) {
      reason ||= (error as Error).message;
    }
  }
  return `no namespace of its own: ${reason}`;
}
