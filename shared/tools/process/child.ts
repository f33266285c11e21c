/**
 * Child processes: starts a script or another program, hands over what it prints line by line,
 * waits for the line in which a server says where it listens, and ends it on every path.
 *
 * @module
 */

import { linesOf } from "../../lines.ts";
import { familyOf } from "./proc.ts";

/** The line in which a server says where it listens. */
const LISTENING = /^listening on .*:(\d+)$/;

/** How long a process may take to end when it is asked to, in milliseconds. */
const PATIENCE = 10_000;

/** Whatever starts processes leaves none behind: these still run. */
const running = new Set<Child>();

/** Ends all children by force, for a program that has to end at once. */
export function killAll(): void {
  for (const child of running) child.killFamily();
}

/** How a child is started. */
export interface ChildOptions {
  /** Its working directory; this process's own, unless given. */
  cwd?: string;
  /** Further variables of its environment. */
  env?: Record<string, string>;
  /** Where its input comes from; nowhere, unless given. */
  stdin?: "inherit" | "piped";
  /** Whether it writes straight to this process's output, which then cannot be seen here. */
  direct?: boolean;
  /** The most descriptors that it may have. */
  descriptors?: number;
  /** Gets each line that it prints, as it comes. */
  onLine?(line: string, stream: "stdout" | "stderr"): void;
}

/** A process that this one has started. */
export class Child implements AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** Settles when it has ended and all of its output has been read. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** What it has written to stderr so far, line by line. */
  readonly errors: string[] = [];
  readonly #process: Deno.ChildProcess;
  #exited = false;
  readonly #port = Promise.withResolvers<number | undefined>();

  /** Starts a program, with its arguments behind its name. */
  constructor(command: string[], options: ChildOptions = {}) {
    const { cwd, env, stdin = "null", direct = false, descriptors, onLine } = options;
    // `exec` makes the program take the shell's place, so that the pid is its own.
    const [program, ...args] = descriptors === undefined
      ? command
      : ["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", ...command];
    const output = direct ? "inherit" : "piped";
    this.#process = new Deno.Command(program, {
      args,
      cwd,
      // Deno's search for a new version would leave this machine, and take descriptors.
      env: { DENO_NO_UPDATE_CHECK: "1", ...env },
      stdin,
      stdout: output,
      stderr: output,
    }).spawn();
    running.add(this);
    this.pid = this.#process.pid;
    const read = direct ? [] : [
      this.#read(this.#process.stdout, "stdout", onLine),
      this.#read(this.#process.stderr, "stderr", onLine),
    ];
    const exited = this.#process.status.finally(() => this.#exited = true);
    this.ended = Promise.all([exited, ...read]).then(([status]) => {
      running.delete(this);
      this.#port.resolve(undefined);
      return status;
    });
  }

  async #read(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    name: "stdout" | "stderr",
    onLine: ChildOptions["onLine"],
  ) {
    for await (const line of linesOf(stream)) {
      const port = name === "stdout" ? LISTENING.exec(line)?.[1] : undefined;
      if (port !== undefined) this.#port.resolve(Number(port));
      if (name === "stderr") this.errors.push(line);
      onLine?.(line, name);
    }
  }

  /** Where its input goes, if it is piped. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#process.stdin;
  }

  /**
   * Waits until it says that it listens.
   *
   * @param patience How long, in milliseconds.
   * @returns The port; undefined if it has ended before, or has not said it in time.
   */
  async listening(patience = PATIENCE): Promise<number | undefined> {
    const timer = setTimeout(() => this.#port.resolve(undefined), patience);
    const port = await this.#port.promise;
    clearTimeout(timer);
    return port;
  }

  /** Sends it a signal; nothing happens if it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  /** Ends it by force, if it still runs, and what it has started, which is not to outlive it. */
  killFamily(): void {
    const others = this.#exited ? [] : familyOf(this.pid).slice(1);
    this.kill("SIGKILL"); // first, so that it starts nothing more
    for (const pid of others) sendSignal(pid, "SIGKILL");
  }

  /** Ends it, as Ctrl-C would; by force, if that does not help. */
  async stop(patience = PATIENCE): Promise<Deno.CommandStatus> {
    this.kill("SIGINT");
    const timer = setTimeout(() => this.killFamily(), patience);
    const status = await this.ended;
    clearTimeout(timer);
    return status;
  }

  /** Ends it by force, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.killFamily();
    await this.ended;
  }
}

/** Sends a signal to a process; nothing happens if it has ended. */
export function sendSignal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The permission to write one file. In Deno's list of paths, a comma is written twice. */
export function allowWrite(path: string): string {
  return `--allow-write=${path.replaceAll(",", ",,")}`;
}

/**
 * The command that runs a script in Deno.
 *
 * @param permissions Options of `deno run`.
 * @param args Options of the script.
 * @param preload A module that is run before it.
 */
export function denoRun(
  script: URL,
  permissions: readonly string[],
  args: readonly string[] = [],
  preload?: string,
): string[] {
  const first = preload === undefined ? [] : ["--preload", preload];
  const options = ["--quiet", "--no-prompt", ...permissions, ...first];
  return [Deno.execPath(), "run", ...options, script.href, ...args];
}
