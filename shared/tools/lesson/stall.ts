/**
 * Notices when nothing moves any more, and finds out from /proc what the server waits for and where
 * bytes lie. The server is not touched for it: see proc(5), and `/proc/net/tcp` there.
 *
 * @module
 */

import { counted } from "./costs.ts";

/** How long nothing may move before it is reported, in milliseconds; it looks five times. */
const STILL = 5000;
/** A client that works wakes up more often than this from one look to the next. */
const WAKE_UPS = 20;

/** System calls that wait, by their numbers on x86-64 and on arm64. */
const NAMES: Record<string, string> = Deno.build.arch === "x86_64"
  ? {
    7: "poll",
    44: "send",
    45: "recv",
    47: "recvmsg",
    202: "futex",
    230: "clock_nanosleep",
    232: "epoll_wait",
    270: "select",
    271: "poll",
    281: "epoll_wait",
    288: "accept4",
    426: "io_uring_enter",
  }
  : {
    22: "epoll_wait",
    72: "select",
    73: "poll",
    98: "futex",
    115: "clock_nanosleep",
    206: "send",
    207: "recv",
    212: "recvmsg",
    242: "accept4",
    426: "io_uring_enter",
  };
/** Calls whose first argument is a descriptor. */
const OF_DESCRIPTOR = ["accept4", "epoll_wait", "io_uring_enter", "recv", "recvmsg", "send"];

/** Watches a visit, and reports once for each time that nothing moves. */
export class StallWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #began = performance.now();
  #since = this.#began;
  #seen = "";
  #reported = false;

  /**
   * Begins to watch.
   *
   * @param server The server's process.
   * @param client The client's process.
   * @param port Where the server listens.
   * @param report Gets a sentence.
   * @param still How long nothing may move, in milliseconds.
   */
  constructor(
    server: number,
    client: number,
    port: number,
    report: (sentence: string) => void,
    still = STILL,
  ) {
    let wakeUps = 0;
    this.#timer = setInterval(() => {
      try {
        const [before, seen] = [this.#seen, JSON.stringify(socketsOf(port))];
        const [last, now] = [wakeUps, wakeUpsOf(client)];
        wakeUps = now;
        if (seen !== before || now - last > WAKE_UPS) return this.moved(seen);
        if (this.#reported || performance.now() - this.#since < still) return;
        this.#reported = true;
        const since = ((this.#since - this.#began) / 1000).toFixed(1);
        report(`nothing has moved since ${since} s: ${stateOf(server, client, port)}`);
      } catch {
        // One of them has just ended.
      }
    }, still / 5);
  }

  /** Something has moved, such as a line that was printed. */
  moved(seen = this.#seen): void {
    this.#seen = seen;
    this.#since = performance.now();
    this.#reported = false;
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** A socket of the server's port, at either end. */
interface Socket {
  local: number;
  remote: number;
  listens: boolean;
  /** Bytes that have arrived and were not read. */
  unread: number;
  /** `0` for a connection that was not accepted. */
  inode: string;
}

/** ESTABLISHED, CLOSE_WAIT and LISTEN, and whether they are the last. */
const STATES = new Map([["01", false], ["08", false], ["0A", true]]);

/** The sockets that a port belongs to. */
function socketsOf(port: number): Socket[] {
  const lines = Deno.readTextFileSync("/proc/net/tcp").trimEnd().split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local, remote, state, queues, , , , , inode] = line.trim().split(/\s+/);
    const [from, to] = [local, remote].map((address) => parseInt(address.slice(9), 16));
    if (from !== port && to !== port || !STATES.has(state)) return [];
    const unread = parseInt(queues.split(":")[1], 16);
    return [{ local: from, remote: to, listens: STATES.get(state)!, unread, inode }];
  });
}

function wakeUpsOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
}

/** Bytes that clients have sent to a port and nobody has read; undefined if there are none. */
export function unreadAt(port: number): string | undefined {
  const bytes = socketsOf(port)
    // The end of the input counts as one byte.
    .filter(({ local, inode, unread }) => local === port && inode !== "0" && unread > 1)
    .reduce((sum, { unread }) => sum + unread, 0);
  return bytes === 0 ? undefined : `${counted(bytes, "byte")} lie unread in the server's sockets`;
}

/** What waits for what, in a sentence. */
export function stateOf(server: number, client: number, port: number): string {
  const sockets = socketsOf(port);
  const [ofServer, ofClient] = [descriptorsOf(server), descriptorsOf(client)];
  // Clients are numbered as they connect, and so are their descriptors.
  const ports = sockets.filter(({ inode, remote }) => remote === port && ofClient.has(inode))
    .sort((a, b) => ofClient.get(a.inode)! - ofClient.get(b.inode)!).map(({ local }) => local);
  const name = (local: number) => `client ${ports.indexOf(local) + 1}`;
  const order = ({ local, remote }: Socket) => ports.indexOf(local === port ? remote : local);
  sockets.sort((a, b) => order(a) - order(b));

  const parts = [`the server ${callOf(server)}`];
  for (const { local, remote, unread, inode, listens } of sockets) {
    if (listens) continue;
    const bytes = counted(unread, "byte");
    if (local === port && inode === "0") {
      parts.push(`${name(remote)} waits in the accept queue, with ${bytes}`);
    } else if (local === port && unread > 0) {
      parts.push(`${bytes} of ${name(remote)} lie unread in descriptor ${ofServer.get(inode)}`);
    } else if (remote === port && unread > 0) {
      parts.push(`${name(local)} has not read ${bytes} of its reply`);
    }
  }
  if (parts.length === 1) parts.push("no byte lies unread");
  const rest = parts.length > 5 ? [`and ${parts.length - 5} more like these`] : [];
  return [...parts.slice(0, 5), ...rest].join("; ");
}

/** The descriptors of a process, by the inodes of their sockets. */
function descriptorsOf(pid: number): Map<string, number> {
  const descriptors = new Map<string, number>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${name}`))?.[1];
    if (inode !== undefined) descriptors.set(inode, Number(name));
  }
  return descriptors;
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return ""; // it was closed meanwhile
  }
}

/** What the main thread of a process does: `sleeps in recv(7)`. */
function callOf(pid: number): string {
  try {
    const call = callUnderWay(pid);
    if (call === undefined) return "is running";
    return `sleeps in ${call.name}${call.fd === undefined ? "" : `(${call.fd})`}`;
  } catch {
    return "waits"; // the kernel does not show it to everybody
  }
}

/**
 * The call in which a thread sleeps; undefined if it runs. Throws if the kernel does not show it,
 * or if the thread has ended.
 *
 * @param tid The thread; the main thread of a process has its number.
 */
export function callUnderWay(tid: number): { name: string; fd?: number } | undefined {
  const [number, first] = Deno.readTextFileSync(`/proc/${tid}/syscall`).split(" ");
  if (number.trim() === "running") return undefined;
  const name = NAMES[number] ?? `system call ${number}`;
  return OF_DESCRIPTOR.includes(name) ? { name, fd: Number(first) } : { name };
}
