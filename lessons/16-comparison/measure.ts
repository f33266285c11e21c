/**
 * Measures servers: starts one, lets the load visit it, and ends it.
 *
 * @module
 */

import { linesOf } from "../../shared/lines.ts";
import type { Contender } from "./contenders.ts";
import type { Measurement, Task } from "./load.ts";

/** What a server is measured with. */
export type Conditions = Omit<Task, "port" | "pid">;

const LISTENING = /^listening on .*:(\d+)$/;
/** How long a server may take until it listens, in milliseconds. */
const PATIENCE = 10_000;

const running = new Set<Deno.ChildProcess>();

/** Ends all that is running, for somebody who cannot wait. */
export function stopAll(): void {
  for (const process of running) kill(process);
}

/**
 * The process that is the load. It stays for all measurements, so that none of them pays for its
 * start, or for the engine's first attempts at its code.
 */
export class Load {
  readonly #process = start(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${import.meta.dirname}/load.ts`],
    stdin: "piped",
    stdout: "piped",
  });
  readonly #input = this.#process.stdin.getWriter();
  readonly #results = linesOf(this.#process.stdout);

  /**
   * Visits a server.
   *
   * @throws {Error} if the server does not answer, or answers with a wrong byte.
   */
  async visit(task: Task): Promise<Measurement> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(task) + "\n"));
    const { value, done } = await this.#results.next();
    if (done) throw new Error("the load has ended");
    const result: Measurement | { error: string } = JSON.parse(value);
    if ("error" in result) throw new Error(result.error);
    return result;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#process);
    await this.#results.return(undefined);
    // Nobody has begun to read it if there was nothing to measure.
    if (!this.#process.stdout.locked) await this.#process.stdout.cancel();
    await this.#input.abort().catch(() => {}); // nobody reads any more
  }
}

/**
 * Measures a server once.
 *
 * @throws {Error} if it does not start, does not answer, or answers with a wrong byte.
 */
export async function measure(
  { command: [program, ...args] }: Contender,
  load: Load,
  conditions: Conditions,
): Promise<Measurement> {
  const { count } = conditions;
  const counting = count?.by === "server" ? ["--count-calls", count.file] : [];
  const server = start(program, {
    args: [...args, ...counting],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const timer = setTimeout(() => kill(server), PATIENCE);
  const listening = Promise.withResolvers<string | undefined>();
  const errors: string[] = [];
  // Both are read to their end, however much it says: a full pipe would stop it.
  const read = Promise.all([
    forEachLine(server.stdout, (line) => {
      const port = LISTENING.exec(line)?.[1];
      if (port !== undefined) listening.resolve(port);
    }),
    forEachLine(server.stderr, (line) => errors.push(line)),
  ]).then(() => listening.resolve(undefined));
  try {
    const port = await listening.promise;
    if (port === undefined) throw new Error(errors[0] ?? "it has not begun to listen");
    clearTimeout(timer);
    return await load.visit({ ...conditions, port: Number(port), pid: server.pid });
  } finally {
    clearTimeout(timer);
    await Promise.all([end(server), read]);
  }
}

function start(program: string, options: Deno.CommandOptions): Deno.ChildProcess {
  const env = { DENO_NO_UPDATE_CHECK: "1" }; // nothing goes out of this machine
  const process = new Deno.Command(program, { ...options, env }).spawn();
  running.add(process);
  return process;
}

async function end(process: Deno.ChildProcess) {
  kill(process);
  await process.status;
  running.delete(process);
}

async function forEachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
) {
  for await (const line of linesOf(stream)) onLine(line);
}

function kill(process: Deno.ChildProcess) {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
