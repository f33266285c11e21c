/**
 * The servers of the lessons, in processes of their own: a server that blocks must not block the
 * experiment.
 *
 * @module
 */

import { servers } from "../../shared/tools/lesson/catalogue.ts";
import { Child, denoRun } from "../../shared/tools/process/child.ts";

/** A running server. It is ended where the block of its `await using` ends. */
export interface Server extends AsyncDisposable {
  /** Its process. */
  pid: number;
  /** Where it listens, on 127.0.0.1. */
  port: number;
}

/** Starts the server of a lesson on a free port, with options, and waits until it listens. */
export async function startServer(number: string, ...args: string[]): Promise<Server> {
  const { lesson, script } = servers.find(({ lesson }) => lesson.number === number)!;
  const child = new Child(denoRun(script, lesson.server.permissions, ["--port", "0", ...args]));
  const port = await child.listening();
  if (port === undefined) {
    await child[Symbol.asyncDispose]();
    throw new Error(`lesson ${number}: ${child.errors[0] ?? "the server did not begin to listen"}`);
  }
  return { pid: child.pid, port, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
