/**
 * A server under test, as a child process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { startBehind, upstreamOption } from "../lesson/behind.ts";
import { Child, type ChildOptions, denoRun, sendSignal } from "../process/child.ts";
import {
  childrenOf,
  cpuOf,
  descriptorsOf,
  familyOf,
  isListening,
  isRunning,
  peakMemoryOf,
  runnableThreads,
  settled,
  socketsOf,
} from "../process/proc.ts";
import { stateOf } from "../lesson/stall.ts";
import { deadline } from "./deadline.ts";

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
  /** How many clients it serves at a time, where the next one has to wait until one has gone. */
  atOnce?: number;
  /** It starts a thread for each client. */
  threads?: true;
  /** It starts processes at its beginning, which serve the clients. */
  processes?: true;
  /** It never sleeps. */
  polling?: true;
  /** Deno's own sockets do the work, and it goes on opening descriptors for half a second. */
  native?: true;
  /** It needs io_uring. */
  needsIoUring?: true;
  /** What it speaks, unless that is shout. */
  protocol?: "chat";
  /** It is a proxy: the lesson whose server stands behind it, and is started first. */
  behind?: string;
  /** It belongs to no lesson: its only option is `--port`, and it need not print its address. */
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
/** How long a server may take to start, in milliseconds. Most take 50. */
const START = 3000;
/** How long it may take to end, or to refuse to start, in milliseconds. */
const END = 2000;
/** A line of a stack. */
const PLACE = /^\s+at .*file:/;
/** How old a server is when Deno has opened all that it needs for itself, in milliseconds. */
const SETTLED = 800;

/** A server that listens. */
export class Server implements AsyncDisposable {
  /** Where it listens. */
  readonly host: string = HOST;
  /** Where it listens. */
  readonly port: number;
  /** What it is. */
  readonly subject: Subject;
  readonly #child: Child;
  readonly #started = performance.now();
  /** Further processes, which do not outlive this one, in whatever scenario they were needed. */
  readonly #others = new AsyncDisposableStack();

  private constructor(subject: Subject, child: Child, port: number) {
    this.subject = subject;
    this.#child = child;
    this.port = port;
  }

  /** Starts a server and waits until it prints where it listens, which must be its first line. */
  static async start(subject: Subject, options: StartOptions = {}): Promise<Server> {
    await using others = new AsyncDisposableStack(); // if the server does not start, they end
    const args = [...subject.args ?? []];
    if (subject.behind !== undefined) {
      const upstream = await upstreamOption(others.use(startBehind(subject.behind)));
      assert(upstream !== undefined, "the server behind it did not listen");
      args.push(...upstream);
    }
    const server = await Server.#listening({ ...subject, args }, options, launch);
    server.#others.use(others.move());
    return server;
  }

  static async #listening(
    subject: Subject,
    options: StartOptions,
    launched: typeof launch,
  ): Promise<Server> {
    // A server that prints nothing is given a port that is free; the others let the kernel choose.
    const chosen = options.port ?? (subject.foreign ? freePort() : 0);
    let first: string | undefined;
    const child = launched(subject, { ...options, port: chosen }, (line, stream) => {
      if (stream === "stdout") first ??= line;
    });
    const port = subject.foreign
      ? await until(() => isListening(chosen), child) ? chosen : undefined
      : await child.listening(START);
    if (port !== undefined && (subject.foreign || first === `listening on ${HOST}:${port}`)) {
      return new Server(subject, child, port);
    }
    await child[Symbol.asyncDispose]();
    throw new Error(await whyNot(subject, child, first));
  }

  /** Starts a server of the same kind, which does not outlive this one. */
  async startAnother(options: StartOptions = {}): Promise<Server> {
    return await Server.#listening(this.subject, options, this.#launch);
  }

  /** Runs a server of the same kind that is expected to end at once. */
  async runAnother(options: StartOptions = {}): Promise<Ended> {
    const output = { stdout: "", stderr: "" };
    const child = this.#launch(this.subject, options, (line, stream) => {
      output[stream] += `${line}\n`;
    });
    const { code } = await deadline(child.ended, END, "it should have ended");
    return { code, ...output };
  }

  readonly #launch: typeof launch = (...args) => {
    // The rest of a scenario that has failed may go on for a while.
    assert(!this.#others.disposed, "the server has ended");
    return this.#others.use(launch(...args));
  };

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Settles when the process has ended and all of its output has been read. */
  get ended(): Promise<Deno.CommandStatus> {
    return this.#child.ended;
  }

  /** What it waits for, and where bytes lie, in a sentence; undefined if it has ended. */
  get waits(): string | undefined {
    if (this.subject.processes) return undefined; // these wait for clients, and not it
    try {
      return stateOf(this.#child.pid, Deno.pid, this.port);
    } catch {
      return undefined;
    }
  }

  /** What it has written to stderr so far, line by line. */
  get errors(): readonly string[] {
    return this.#child.errors;
  }

  /** Whether it runs, whatever has become of the processes that it has started. */
  get running(): boolean {
    return isRunning(this.#child.pid);
  }

  /** The processes that it has started, and that have not been reaped. */
  get children(): number[] {
    return childrenOf(this.#child.pid);
  }

  /** CPU time that it has used so far, in milliseconds, in steps of 10. */
  get cpu(): number {
    return cpuOf(this.#child.pid);
  }

  /** The most memory that it has had resident so far, in MiB. */
  get peakMemory(): number {
    return peakMemoryOf(this.#child.pid);
  }

  /** How many descriptors it has open. */
  get descriptors(): number {
    return descriptorsOf(this.#child.pid);
  }

  /** How many of them are sockets that lead elsewhere. */
  get sockets(): number {
    return socketsOf(this.#child.pid);
  }

  /** Waits until it has opened all descriptors that it needs for itself, and started all others. */
  async settled(): Promise<void> {
    if (this.subject.processes) await settled(this.#child.pid);
    if (!this.subject.native && !this.subject.foreign) return;
    await sleep(Math.max(0, this.#started + SETTLED - performance.now()));
  }

  /**
   * The share of a core that it uses during the next `time` milliseconds: 0 to 1, or more. A thread
   * that was ready to run most of the time counts as if it had run: on a busy machine, it may have
   * had to wait for a core.
   */
  async cpuShare(time: number): Promise<number> {
    const { pid } = this.#child;
    const [start, before] = [performance.now(), this.cpu];
    const runnable = new Map<string, number>();
    let looks = 0;
    for (; performance.now() < start + time; looks++) {
      for (const thread of runnableThreads(pid)) {
        runnable.set(thread, (runnable.get(thread) ?? 0) + 1);
      }
      await sleep(10);
    }
    const used = (this.cpu - before) / (performance.now() - start);
    const ready = Math.max(0, ...runnable.values()) / looks;
    return ready > 0.5 ? Math.max(used, ready) : used;
  }

  /**
   * Sends it a signal; nothing happens if it has ended. The processes that it has started are
   * stopped and continued with it, as by Ctrl-Z and fg at a terminal.
   */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") return;
    for (const pid of familyOf(this.#child.pid).slice(1)) sendSignal(pid, signal);
  }

  /** Ends it with a signal, and returns how many milliseconds that took. */
  async stop(signal: Deno.Signal): Promise<number> {
    const start = performance.now();
    this.kill(signal);
    await deadline(this.ended, END, `it did not end after ${signal}`);
    return performance.now() - start;
  }

  /** Ends it by force, if it still runs, and with it all others that it was asked to start. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await this.#others.disposeAsync();
  }
}

/** The first lines of what a program wrote to stderr, and the first one that names a place. */
export function lastWords(errors: readonly string[]): string[] {
  const first = errors.slice(0, 3);
  if (first.some((line) => PLACE.test(line))) return first;
  return [...first, ...errors.filter((line) => PLACE.test(line)).slice(0, 1)];
}

function launch(
  { script, permissions, args = [], preload }: Subject,
  { args: more = [], descriptors, port = 0 }: StartOptions,
  onLine: ChildOptions["onLine"],
): Child {
  const options = ["--port", String(port), ...args, ...more];
  const command = denoRun(script, permissions, options, preload);
  return new Child(command, { descriptors, env: { NO_COLOR: "1" }, onLine });
}

/** Waits until something becomes true; false if the process ends before, or it takes too long. */
async function until(isTrue: () => boolean, child: Child): Promise<boolean> {
  let ended = false;
  child.ended.then(() => ended = true);
  for (const end = performance.now() + START; !ended && performance.now() < end; await sleep(10)) {
    if (isTrue()) return true;
  }
  return false;
}

/** Why a server, which has ended by now, cannot be put to the test. */
async function whyNot({ foreign }: Subject, child: Child, first?: string): Promise<string> {
  if (first !== undefined && !foreign) return `its first line is not where it listens: ${first}`;
  const { signal } = await child.ended;
  if (signal === "SIGKILL") {
    const what = foreign ? "did not listen on its --port" : "did not print where it listens";
    return `it ${what} within ${START} ms`;
  }
  const error = child.errors.find((line) => line.trim() !== "");
  if (error === undefined) return "it ended before it listened";
  const place = child.errors.find((line) => PLACE.test(line));
  return `it ended before it listened: ${error}${place === undefined ? "" : `, ${place.trim()}`}`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  return listener.addr.port;
}
