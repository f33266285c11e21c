/**
 * The servers of the lessons, in processes of their own: a server that blocks must not block the
 * experiment.
 *
 * @module
 */

import { findLesson, LESSONS } from "../../shared/tools/lesson/catalogue.ts";
import { Child, denoRun } from "../../shared/tools/process/child.ts";

/** A running server. It is ended where the block of its `await using` ends. */
export interface Server extends AsyncDisposable {
  /** Its process. */
  pid: number;
  /** Where it listens, on 127.0.0.1. */
  port: number;
}

/**
 * Starts the server of a lesson on a free port, and waits until it listens.
 *
 * @param number The lesson, such as `06`, or a variant, such as `06/edge-triggered`.
 * @param args Further options of the server.
 */
export async function startServer(number: string, ...args: string[]): Promise<Server> {
  const { folder, server } = findLesson(number)!;
  const { permissions, path = `${folder}/server.ts`, args: own = [] } = server!;
  const options = ["--port", "0", ...own, ...args];
  const child = new Child(denoRun(new URL(path, LESSONS), permissions, options));
  const port = await child.listening();
  if (port === undefined) {
    await child[Symbol.asyncDispose]();
    throw new Error(`lesson ${number}: ${child.errors[0] ?? "the server did not begin to listen"}`);
  }
  return { pid: child.pid, port, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
