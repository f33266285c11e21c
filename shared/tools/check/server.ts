/**
 * A server under test, as a child process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { denoRun } from "../process/child.ts";
import { cpuOf } from "../process/proc.ts";
import { linesOf } from "../../lines.ts";

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
  /** A module that Deno runs before the script, such as the recorder. */
  preload?: string;
  /** It serves one client after the other. */
  sequential?: true;
  /** It never sleeps. */
  polling?: true;
  /** Deno's own sockets do the work, and it goes on opening descriptors for half a second. */
  native?: true;
  /** It needs io_uring. */
  needsIoUring?: true;
  /** It is no lesson's: it knows no option but `--port`, and need not say where it listens. */
  foreign?: true;
}

/** How a process ended, and what it wrote. */
export interface Ended {
  /** Its exit code. */
  code: number;
  /** What it wrote to stdout. */
  stdout: string;
  /** What it wrote to stderr. */
  stderr: string;
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
/** How long a server may take to start, in milliseconds. Most take 50. */
const START = 3000;
/** How long it may take to end, or to refuse to start, in milliseconds. */
const END = 2000;

/** Processes that shall not outlive a server, wherever the scenario that needed them failed. */
class Company {
  readonly #running = new Set<Deno.ChildProcess>();
  #over = false;

  /** Starts a process. */
  spawn(command: Deno.Command): Deno.ChildProcess {
    // What is left of a scenario that was given up may go on for a while.
    assert(!this.#over, "the server has ended");
    const process = spawn(command);
    this.#running.add(process);
    process.status.then(() => this.#running.delete(process));
    return process;
  }

  /** Ends all of them by force. */
  async end(): Promise<void> {
    this.#over = true;
    await Promise.all([...this.#running].map(kill));
  }
}

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
  readonly #others = new Company();

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

  /**
   * Starts a server and waits until it says where it listens, which must be its first line.
   */
  static async start(subject: Subject, options: StartOptions = {}): Promise<Server> {
    const chosen = portFor(subject, options);
    return await Server.#listening(subject, spawn(command(subject, chosen)), chosen.port);
  }

  static async #listening(
    subject: Subject,
    process: Deno.ChildProcess,
    chosen = 0,
  ): Promise<Server> {
    const port = Promise.withResolvers<number>();
    const errors: string[] = [];
    async function readOutput() {
      for await (const line of linesOf(process.stdout)) {
        if (subject.foreign) continue;
        const match = LISTENING.exec(line);
        if (match !== null) port.resolve(Number(match[1]));
        else port.reject(new Error(`its first line is not where it listens: ${line}`));
      }
    }
    async function readErrors() {
      for await (const line of linesOf(process.stderr)) errors.push(line);
    }
    const drained = Promise.all([readOutput(), readErrors()]);
    drained.then(() => {
      const said = errors.find((line) => line.trim() !== "");
      port.reject(new Error(`it ended before it listened${said ? `: ${said}` : ""}`));
    });
    const what = subject.foreign ? "did not listen on its --port" : "did not say where it listens";
    const watch = setInterval(() => {
      if (subject.foreign && isListening(chosen)) port.resolve(chosen);
    }, 10);
    try {
      const where = await within(START, `it ${what}`, port.promise);
      return new Server(subject, process, where, errors, drained);
    } catch (error) {
      await kill(process);
      await drained;
      throw error;
    } finally {
      clearInterval(watch);
    }
  }

  /** Starts a server of the same kind, which does not outlive this one. */
  async startAnother(options: StartOptions = {}): Promise<Server> {
    const chosen = portFor(this.subject, options);
    const process = this.#others.spawn(command(this.subject, chosen));
    return await Server.#listening(this.subject, process, chosen.port);
  }

  /** Runs a server of the same kind that is expected to end at once. */
  async runAnother(options: StartOptions = {}): Promise<Ended> {
    const process = this.#others.spawn(command(this.subject, options));
    const ended = process.output();
    try {
      const { code, stdout, stderr } = await within(END, "it should have ended", ended);
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    } finally {
      await kill(process);
    }
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

  /** Waits until it has opened all that it needs for itself. */
  async settled(): Promise<void> {
    if (this.subject.native || this.subject.foreign) await sleep(800);
  }

  /** How many descriptors it has open, those that only io_uring knows included. */
  get descriptors(): number {
    const folder = `/proc/${this.#process.pid}`;
    const names = [...Deno.readDirSync(`${folder}/fd`)].map(({ name }) => name);
    if (!this.subject.needsIoUring) return names.length;
    const direct = names.map((name) => {
      const info = textOf(`${folder}/fdinfo/${name}`);
      const files = /^UserFiles:\t\d+\n((?: +\d+: .*\n)*)/m.exec(info)?.[1] ?? "";
      return files.split("\n").length - 1;
    });
    return direct.reduce((sum, count) => sum + count, names.length);
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
    await within(END, `it did not end after ${signal}`, this.ended);
    return performance.now() - start;
  }

  /** Ends it by force, if it still runs, and with it all others that it was asked to start. */
  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.#process);
    await this.#others.end();
    await this.#drained;
  }
}

/**
 * Waits for something, but not for ever.
 *
 * @param time How long, in milliseconds.
 * @throws {Error} if it has not happened by then, with what was awaited.
 */
export async function within<T>(time: number, what: string, promise: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const expired = sleep(time, undefined, { signal: limit.signal });
  try {
    return await Promise.race([
      promise,
      expired.then(() => assert.fail(`${what} within ${time} ms`)),
    ]);
  } finally {
    limit.abort();
  }
}

/** What a file holds; nothing if it is gone meanwhile. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** All servers that run. */
const running = new Set<Deno.ChildProcess>();

function spawn(command: Deno.Command): Deno.ChildProcess {
  const process = command.spawn();
  running.add(process);
  process.status.then(() => running.delete(process));
  return process;
}

/** Ends all servers by force, for a program that has to end at once. */
export function killAll(): void {
  for (const process of running) kill(process);
}

/** Ends a process by force, if it still runs. */
export async function kill(process: Deno.ChildProcess): Promise<void> {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
  await process.status;
}

/** A server that says nothing is told a port that is free; the others let the kernel choose. */
function portFor(subject: Subject, options: StartOptions): StartOptions {
  if (!subject.foreign || options.port !== undefined) return options;
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  return { ...options, port: listener.addr.port };
}

/** Whether anybody listens on a port. Connecting would tell as well, but be a client to serve. */
function isListening(port: number): boolean {
  const number = port.toString(16).toUpperCase().padStart(4, "0");
  const LISTEN = "0A"; // see proc(5), /proc/net/tcp
  const line = new RegExp(`: [0-9A-F]+:${number} [0-9A-F]+:0000 ${LISTEN} `);
  return ["tcp", "tcp6"].some((name) => line.test(Deno.readTextFileSync(`/proc/net/${name}`)));
}

function command(
  { script, permissions, args = [], preload }: Subject,
  { args: more = [], descriptors, port = 0 }: StartOptions,
): Deno.Command {
  const options = ["--port", String(port), ...args, ...more];
  const words = denoRun(script, permissions, options, preload);
  assert(descriptors === undefined || Number.isInteger(descriptors));
  // `exec` makes the server take the shell's place, so that the pid is its own.
  const [program, ...rest] = descriptors === undefined
    ? words
    : ["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", ...words];
  return new Deno.Command(program, {
    args: rest,
    // Deno's search for a new version, half a second after its start, would take descriptors.
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}
