/**
 * Measures servers: starts a server, puts the load on it, and ends it.
 *
 * @module
 */

import { Child, denoRun } from "../../shared/tools/process/child.ts";
import type { Contender } from "./contenders.ts";
import type { Measurement, Task } from "./load.ts";

/** The conditions of a measurement, without the server itself. */
export type Conditions = Omit<Task, "port" | "pid">;

/**
 * The process that makes the load. It is kept for all measurements, so that only the first one
 * includes its start and the compilation of its code.
 */
export class Load implements AsyncDisposable {
  readonly #process = new Child(denoRun(new URL("./load.ts", import.meta.url), ["-A"]), {
    stdin: "piped",
    onLine: (line, stream) => {
      if (stream === "stdout") this.#result.resolve(line);
      else console.error(line);
    },
  });
  readonly #input = this.#process.stdin.getWriter();
  #result = Promise.withResolvers<string>();

  /**
   * Visits a server.
   *
   * @throws {Error} if the server does not answer, or answers with a wrong byte.
   */
  async visit(task: Task): Promise<Measurement> {
    this.#result = Promise.withResolvers();
    await this.#input.write(new TextEncoder().encode(JSON.stringify(task) + "\n"));
    const ended = this.#process.ended.then(() => {
      throw new Error("the load has ended");
    });
    const result: Measurement | { error: string } = JSON.parse(
      await Promise.race([this.#result.promise, ended]),
    );
    if ("error" in result) throw new Error(result.error);
    return result;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await this.#input.abort().catch(() => {}); // its other end is closed
  }
}

/**
 * Measures a server once.
 *
 * @throws {Error} if it does not start, does not answer, or answers with a wrong byte.
 */
export async function measure(
  { command, recorded }: Contender,
  load: Load,
  conditions: Conditions,
): Promise<Measurement> {
  const { count } = conditions;
  await using server = new Child(count?.by === "recorder" ? recorded!(count.file) : command);
  const port = await server.listening();
  if (port === undefined) throw new Error(server.errors[0] ?? "it has not begun to listen");
  return await load.visit({ ...conditions, port, pid: server.pid });
}
