/**
 * The server that stands behind a proxy: whatever starts a proxy starts it first.
 *
 * @module
 */

import { Child, denoRun } from "../process/child.ts";
import { servers } from "./catalogue.ts";

/** Starts the server of a lesson on a free port. */
export function startBehind(number: string): Child {
  const { script, permissions } = servers.find(({ lesson }) => lesson.number === number)!;
  return new Child(denoRun(script, permissions, ["--port", "0"]));
}

/** What hands its address over to the proxy; undefined if it has ended before it listened. */
export async function upstreamOption(behind: Child): Promise<string[] | undefined> {
  const port = await behind.listening();
  return port === undefined ? undefined : ["--upstream", `127.0.0.1:${port}`];
}
