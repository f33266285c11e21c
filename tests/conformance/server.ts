/**
 * A server under test, as a child process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuOf } from "../../shared/lesson/costs.ts";
import { linesOf } from "../../shared/lesson/lines.ts";
import { type Ended, outcomeOf } from "../processes.ts";

/** A server script, and what may be expected of it. */
export interface Subject {
  /** Its name in the names of the tests. */
  name: string;
  /** The script. */
  script: URL;
  /** Options of `deno run`. */
  permissions: string[];
  /** Options of the script itself, besides those that all servers have. */
  args?: string[];
  /** It serves one client after the other. */
  sequential?: true;
  /** It never sleeps. */
  polling?: true;
  /** It needs io_uring. */
  needsIoUring?: true;
}

/** How a server is started. */
export interface StartOptions {
  /** Further options of the script. */
  args?: string[];
  /** The most descriptors that it may have. */
  descriptors?: number;
  /** The port; unless given, the kernel chooses. */
  port?: number;
}

const HOST = "127.0.0.1";
const LISTENING = /^listening on 127\.0\.0\.1:(\d+)$/;

/** A server that listens. */
export class Server implements AsyncDisposable {
  /** Where it listens. */
  readonly host = HOST;
  /** Where it listens. */
  readonly port: number;
  /** Settles when the process has ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #process: Deno.ChildProcess;
  readonly #errors: string[];
  readonly #drained: Promise<unknown>;

  private constructor(
    readonly subject: Subject,
    process: Deno.ChildProcess,
    port: number,
    errors: string[],
    drained: Promise<unknown>,
  ) {
    this.port = port;
    this.ended = process.status;
    this.#process = process;
    this.#errors = errors;
    this.#drained = drained;
  }

  /** Starts a server and waits until it says where it listens. */
  static async start(subject: Subject, options: StartOptions = {}): Promise<Server> {
    const process = command(subject, options).spawn();
    const port = Promise.withResolvers<number>();
    const errors: string[] = [];
    async function readOutput() {
      for await (const line of linesOf(process.stdout)) {
        const match = LISTENING.exec(line);
        if (match !== null) port.resolve(Number(match[1]));
      }
    }
    async function readErrors() {
      for await (const line of linesOf(process.stderr)) errors.push(line);
    }
    const drained = Promise.all([readOutput(), readErrors()]);
    drained.then(() => port.reject(new Error(`it ended before it listened: ${errors.join("; ")}`)));
    return new Server(subject, process, await port.promise, errors, drained);
  }

  /** What it has written to stderr so far, line by line. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  /** CPU time that it has used so far, in milliseconds, in steps of 10. */
  get cpu(): number {
    return cpuOf(this.#process.pid);
  }

  /** The most memory that it has had resident so far, in MiB. */
  get peakMemory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#process.pid}/status`);
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)![1]) / 1024;
  }

  /** How many descriptors it has open. */
  get descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.#process.pid}/fd`)].length;
  }

  /** The share of a core that it uses during the next `time` milliseconds: 0 to 1, or more. */
  async cpuShare(time: number): Promise<number> {
    const [start, before] = [performance.now(), this.cpu];
    await sleep(time);
    return (this.cpu - before) / (performance.now() - start);
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Ends it with a signal, and returns how many milliseconds that took. */
  async stop(signal: Deno.Signal): Promise<number> {
    const start = performance.now();
    this.kill(signal);
    await this.ended;
    return performance.now() - start;
  }

  /** Ends it by force, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended;
    await this.#drained;
  }
}

/** Runs a server that is expected to end at once. */
export async function runToEnd(subject: Subject, options: StartOptions = {}): Promise<Ended> {
  return await outcomeOf(command(subject, options));
}

function command(
  { script, permissions, args = [] }: Subject,
  { args: more = [], descriptors, port = 0 }: StartOptions,
): Deno.Command {
  const deno = ["run", "--quiet", "--no-prompt", ...permissions, script.href];
  const words = [Deno.execPath(), ...deno, "--port", String(port), ...args, ...more];
  assert(descriptors === undefined || Number.isInteger(descriptors));
  // `exec` makes the server take the shell's place, so that the pid is its own.
  const [program, ...rest] = descriptors === undefined
    ? words
    : ["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", ...words];
  return new Deno.Command(program, {
    args: rest,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}
