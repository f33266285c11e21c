/**
 * What a process has used, read from the kernel's own accounting in /proc: see proc(5).
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";

/** What a process has used so far, or a process and all that it has started. */
export interface Usage {
  /** CPU time of all its threads, in milliseconds, in steps of 10. */
  cpu: number;
  /** The most processes that were seen at once. */
  processes: number;
  /** The most threads that were seen at once. */
  threads: number;
  /**
   * The most memory that was resident, in bytes. Of several processes, the sum of their
   * proportional shares (PSS), in which a page that N processes map counts as an Nth for each.
   */
  memory: number;
  /** How often a thread gave up its core because it had to wait. */
  voluntary: number;
  /** How often a thread was made to give up its core. */
  forced: number;
}

/** The CPU times in /proc are in ticks, of which Linux shows programs 100 a second everywhere. */
const TICK = 10;

/** The processes that a process has started and that have not been reaped; none if it has ended. */
export function childrenOf(pid: number): number[] {
  try {
    const lists = [...Deno.readDirSync(`/proc/${pid}/task`)]
      .map(({ name }) => Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`));
    return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
  } catch {
    return [];
  }
}

/** Whether a process runs; not if nobody has asked for the exit code of one that has ended. */
export function isRunning(pid: number): boolean {
  try {
    return !Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ");
  } catch {
    return false;
  }
}

/** A process, the processes that it has started, and so on. */
export function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

/**
 * What can be seen of each process of a family; what has ended is left out.
 *
 * @throws {Deno.errors.NotFound} if the first process has ended.
 */
function ofFamily<Seen>(pid: number, look: (pid: number) => Seen): Seen[] {
  return familyOf(pid).flatMap((member) => {
    try {
      return [look(member)];
    } catch (error) {
      // To anyone but root, the kernel shows little of a process that is about to end.
      const ending = isGone(error) || error instanceof Deno.errors.PermissionDenied;
      if (member === pid || !ending) throw error;
      return [];
    }
  });
}

/**
 * Waits until a process has started all that it starts at its beginning: until neither its family
 * nor their descriptors have changed for 300 ms, or for five seconds.
 *
 * @returns Whether it still runs.
 */
export async function settled(pid: number): Promise<boolean> {
  let before = "";
  for (let still = 0, looks = 0; still < 15 && looks < 250; still++, looks++) {
    await sleep(20);
    let now: string;
    try {
      now = `${familyOf(pid)} ${descriptorsOf(pid)}`;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
    if (now !== before) still = 0;
    before = now;
  }
  return true;
}

/**
 * The CPU time so far of a process and of all that it has started, those included that have ended
 * and were reaped, in milliseconds, in steps of 10.
 */
export function cpuOf(pid: number): number {
  return sum(ofFamily(pid, (pid) => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The second field is the program's name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return TICK * sum(fields.slice(11, 15).map(Number));
  }));
}

/**
 * The threads of a process and of all that it has started which are running now, or are ready to
 * and wait for a core, by thread id. See proc(5), the state in `stat`.
 */
export function runnableThreads(pid: number): string[] {
  return [...readFamily(pid, "stat")]
    .filter(([, [stat]]) => stat.slice(stat.lastIndexOf(")") + 2).startsWith("R"))
    .map(([thread]) => thread);
}

/** The most memory that a process has had resident so far, in bytes. */
function peakOf(pid: number): number {
  return fieldOf(Deno.readTextFileSync(`/proc/${pid}/status`), "VmHWM") * 1024;
}

/** The most memory that a process and those that it has started have had resident, in MiB. */
export function peakMemoryOf(pid: number): number {
  return sum(ofFamily(pid, peakOf)) / 2 ** 20;
}

/** How many descriptors a process has open, and those that it has started. */
export function descriptorsOf(pid: number): number {
  return sum(ofFamily(pid, (pid) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length));
}

/**
 * How many sockets a process has open, and those that it has started, without those of the kind
 * that programs make for themselves: see unix(7). A connection counts even if it has been reset.
 */
export function socketsOf(pid: number): number {
  const own = new Set(
    Deno.readTextFileSync("/proc/net/unix").split("\n").map((line) => line.split(/\s+/)[6]),
  );
  return sum(ofFamily(pid, (pid) => {
    const links = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        return ""; // it has just been closed
      }
    });
    return links.filter((link) => /^socket:/.test(link) && !own.has(/\d+/.exec(link)![0])).length;
  }));
}

/**
 * The memory of a process and of all that it has started, in bytes, where a page that N processes
 * map counts as an Nth for each of them. See proc_pid_smaps(5), PSS.
 */
export function proportionalMemoryOf(pid: number): number {
  return sum(
    ofFamily(
      pid,
      (pid) => fieldOf(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`), "Pss") * 1024,
    ),
  );
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

/** Reads files of each thread of a process and of all that it has started, as readThreads does. */
export function readFamily(pid: number, ...files: string[]): Map<string, string[]> {
  return new Map(ofFamily(pid, (pid) => [...readThreads(pid, ...files)]).flat());
}

/**
 * Watches a process from the outside. It looks again and again, since the kernel forgets what a
 * thread has done when the thread ends.
 */
export class Meter {
  readonly #pid: number;
  readonly #switches = new Map<string, [voluntary: number, forced: number]>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #family: boolean;
  #last: Usage | undefined;

  /**
   * Begins to watch, with a look every `interval` milliseconds. If the process has started others
   * by now, its whole family counts.
   */
  constructor(pid: number, interval = 50) {
    this.#pid = pid;
    this.#family = childrenOf(pid).length > 0;
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
    const threads = this.#family
      ? readFamily(this.#pid, "status")
      : readThreads(this.#pid, "status");
    for (const [thread, [status]] of threads) {
      this.#switches.set(thread, [
        fieldOf(status, "voluntary_ctxt_switches"),
        fieldOf(status, "nonvoluntary_ctxt_switches"),
      ]);
    }
    const switches = [...this.#switches.values()];
    const { processes = 0, threads: most = 0, memory = 0 } = this.#last ?? {};
    // The peak of each process would count the pages that they share again and again.
    const now = this.#family ? proportionalMemoryOf(this.#pid) : peakOf(this.#pid);
    return this.#last = {
      cpu: cpuOf(this.#pid),
      processes: Math.max(processes, this.#family ? familyOf(this.#pid).length : 1),
      threads: Math.max(most, threads.size),
      // A process that has just ended can still be seen, but has no memory any more.
      memory: Math.max(now, memory),
      voluntary: sum(switches.map(([voluntary]) => voluntary)),
      forced: sum(switches.map(([, forced]) => forced)),
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
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
