/**
 * The servers of the lessons, as child processes: one that blocks must not block the experiment.
 *
 * @module
 */

import { catalogue } from "../../shared/tools/lesson/catalogue.ts";
import { linesOf } from "../../shared/lines.ts";

/** A running server. It ends at the end of the block that says `await using`. */
export interface Server extends AsyncDisposable {
  /** Its process. */
  pid: number;
  /** Where it listens, on 127.0.0.1. */
  port: number;
}

/** Starts the server of a lesson on a free port, and waits until it listens. */
export async function startServer(number: string): Promise<Server> {
  const { folder, server } = catalogue.find((lesson) => lesson.number === number)!;
  const script = new URL(`../${folder}/server.ts`, import.meta.url).href;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...server!.permissions, script, "--port", "0"],
    stdout: "piped", // and never closed: the server may want to say more
  }).spawn();
  const { value } = await linesOf(process.stdout).next();
  return {
    pid: process.pid,
    port: Number(/^listening on .*:(\d+)$/.exec(value ?? "")?.[1]),
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await process.status;
    },
  };
}
