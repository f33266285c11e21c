/**
 * What a process has used, read from the kernel's own accounting in /proc: see proc(5).
 *
 * @module
 */

/** What a process has used so far. */
export interface Usage {
  /** CPU time of all its threads, in milliseconds, in steps of 10. */
  cpu: number;
  /** The most threads that were seen at once. */
  threads: number;
  /** The most memory that was resident, in bytes. */
  memory: number;
  /** How often a thread gave up its core because it had to wait. */
  voluntary: number;
  /** How often a thread was made to give up its core. */
  forced: number;
}

/** The CPU times in /proc are in ticks, of which Linux shows programs 100 a second everywhere. */
const TICK = 10;

/**
 * The CPU time so far of all threads of a process, and of its children that have ended, in
 * milliseconds, in steps of 10.
 */
export function cpuOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field is the program's name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return TICK * fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

/**
 * The threads of a process that are running now, or are ready to and wait for a core, by thread id.
 * See proc(5), the state in `stat`.
 */
export function runnableThreads(pid: number): string[] {
  return [...readThreads(pid, "stat")]
    .filter(([, [stat]]) => stat.slice(stat.lastIndexOf(")") + 2).startsWith("R"))
    .map(([thread]) => thread);
}

/** The most memory that a process has had resident so far, in MiB. */
export function peakMemoryOf(pid: number): number {
  return fieldOf(Deno.readTextFileSync(`/proc/${pid}/status`), "VmHWM") / 1024;
}

/** How many descriptors a process has open. */
export function descriptorsOf(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/**
 * Whether any process listens on a TCP port. A connection would show it as well, but would be a
 * client that the server has to serve.
 */
export function isListening(port: number): boolean {
  const number = port.toString(16).toUpperCase().padStart(4, "0");
  const LISTEN = "0A"; // see proc(5), /proc/net/tcp
  const line = new RegExp(`: [0-9A-F]+:${number} [0-9A-F]+:0000 ${LISTEN} `);
  return ["tcp", "tcp6"].some((name) => {
    try {
      return line.test(Deno.readTextFileSync(`/proc/net/${name}`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false; // a kernel without IPv6
      throw error;
    }
  });
}

/**
 * Reads files of each thread of a process, such as `status`: see proc_pid_task(5). A thread that
 * ends meanwhile is left out.
 *
 * @returns Their texts, in the order of `files`, by thread id.
 * @throws {Deno.errors.NotFound} if the process has ended.
 */
export function readThreads(pid: number, ...files: string[]): Map<string, string[]> {
  const threads = new Map<string, string[]>();
  for (const { name: thread } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const paths = files.map((file) => `/proc/${pid}/task/${thread}/${file}`);
      threads.set(thread, paths.map((path) => Deno.readTextFileSync(path)));
    } catch (error) {
      // To anyone but root, the kernel shows little of a thread that is about to end.
      const ending = thread !== `${pid}` && error instanceof Deno.errors.PermissionDenied;
      if (!ending && !isGone(error)) throw error;
    }
  }
  return threads;
}

/**
 * Watches a process from the outside. It looks again and again, since the kernel forgets what a
 * thread has done when the thread ends.
 */
export class Meter {
  readonly #pid: number;
  readonly #switches = new Map<string, [voluntary: number, forced: number]>();
  readonly #timer: ReturnType<typeof setInterval>;
  #threads = 0;
  #last: Usage | undefined;

  /** Begins to watch, with a look every `interval` milliseconds. */
  constructor(pid: number, interval = 50) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), interval);
    this.#look();
  }

  /**
   * What the process had used when it was last seen; undefined if it ended before anybody looked.
   */
  get last(): Usage | undefined {
    return this.#last;
  }

  /** What the process has used up to now; throws if it has ended. */
  read(): Usage {
    const threads = readThreads(this.#pid, "status");
    this.#threads = Math.max(this.#threads, threads.size);
    for (const [thread, [status]] of threads) {
      this.#switches.set(thread, [
        fieldOf(status, "voluntary_ctxt_switches"),
        fieldOf(status, "nonvoluntary_ctxt_switches"),
      ]);
    }
    const status = Deno.readTextFileSync(`/proc/${this.#pid}/status`);
    const switches = [...this.#switches.values()];
    return this.#last = {
      cpu: cpuOf(this.#pid),
      threads: this.#threads,
      // A process that has just ended can still be seen, but has no memory any more.
      memory: Math.max(fieldOf(status, "VmHWM") * 1024, this.#last?.memory ?? 0),
      voluntary: switches.reduce((sum, [voluntary]) => sum + voluntary, 0),
      forced: switches.reduce((sum, [, forced]) => sum + forced, 0),
    };
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      this.read();
    } catch (error) {
      if (!isGone(error)) throw error; // else the process has ended
    }
  }
}

/** Whether a file in /proc could not be read because its process or thread has ended. */
function isGone(error: unknown): boolean {
  // Opening the file gives ENOENT. Reading it gives ESRCH, for which Deno has no class.
  return error instanceof Deno.errors.NotFound ||
    (error as { code?: string }).code === "ESRCH" || /os error 3\)/.test(String(error));
}

function fieldOf(status: string, name: string): number {
  return Number(status.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))?.[1] ?? 0);
}
