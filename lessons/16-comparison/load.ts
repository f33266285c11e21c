/**
 * The load, in a process of its own: reads one {@linkcode Task} in JSON from each line of its
 * input, and prints a {@linkcode Measurement}, or what was wrong, in a line of JSON.
 *
 * It measures twice. First, each active connection says the next message when it has the reply to
 * the last one: that is how many messages a second can be had, and what they cost. Then messages
 * are due at a fixed rate, whatever the server does, and the latency of each counts from the moment
 * when it was due. Whoever waits for a reply before he looks at the clock again asks a stalled
 * server once, and calls that one slow message among many fast ones; those that he should have said
 * meanwhile are never counted. That mistake is known as coordinated omission.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { callsBetween, type Counts } from "../../shared/tools/lesson/costs.ts";
import { readCounts } from "../../shared/tools/lesson/costs.ts";
import { cpuOf, Meter } from "../../shared/tools/process/proc.ts";
import { linesOf } from "../../shared/lines.ts";
import { close, F_SETFL, fcntl, O_NONBLOCK } from "../../shared/linux/descriptors.ts";
import { raiseDescriptorLimit } from "../../shared/linux/descriptors.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import { AF_INET, connect, IPPROTO_TCP, setsockopt } from "../../shared/linux/socket.ts";
import { SO_LINGER, SOCK_STREAM, socket, SOL_SOCKET } from "../../shared/linux/socket.ts";
import { TCP_NODELAY, tryRecv, trySend } from "../../shared/linux/socket.ts";
import { DefaultSelector, EVENT_READ, EVENT_WRITE } from "../../shared/selectors.ts";
import { shout } from "../../shared/shout.ts";
import type { Cell } from "./cells.ts";
import { percentile } from "./statistics.ts";
import { countWithStrace } from "./strace.ts";

/** What is to be measured. */
export interface Task extends Cell {
  /** The port of the server, on 127.0.0.1. */
  port: number;
  /** The server's process. */
  pid: number;
  /** How long each of the two measurements takes, in milliseconds. */
  time: number;
  /** How many messages a second are due in the second one. */
  rate: number;
  /** Whether its system calls are to be counted as well, and how. */
  count?: Counting;
}

/**
 * How the system calls of a server are counted: by the recorder in a file, or by strace while the
 * load goes on for as long again.
 */
export type Counting = { by: "recorder"; file: string } | { by: "strace" };

/** What one measurement gave. */
export interface Measurement {
  /** Messages that were answered while everybody said the next one at once. */
  messages: number;
  /** Milliseconds that this took. */
  wall: number;
  /** CPU time of the server in that time, in milliseconds. */
  server: number;
  /** CPU time of the load itself in that time, in milliseconds. */
  load: number;
  /** How often a thread of the server gave up its core in that time, to wait or by force. */
  switches: number;
  /** System calls of the server for each message, where they could be counted. */
  calls?: number;
  /** The most memory that the server had, in bytes. */
  memory: number;
  /** How many threads the server had. */
  threads: number;
  /** Microseconds from the moment when a message was due to the end of its reply. */
  latencies: number[];
  /** How late the load was with 99 % of the messages that it was free to send, in microseconds. */
  late: number;
}

/** One of the connections. */
interface Client {
  readonly fd: number;
  /** Which of the messages it is saying, or has said last. */
  message: number;
  /** When that message was due. */
  due: number;
  sent: number;
  received: number;
  busy: boolean;
  /** When those messages were due that have to wait for the reply to this one. */
  readonly waiting: number[];
}

/** How long the server may keep everybody waiting, in milliseconds. */
const PATIENCE = 10_000;
/** How long it runs before anything counts, in milliseconds. */
const WARM_UP = 250;
/** Connections that are opened at a time: fewer than fit into any server's queue. */
const BATCH = 100;
/** The bytes of a message come round after so many. */
const PERIOD = 251;
/** How many different messages there are, so that no reply is right for two in a row. */
const VARIETY = 16;

const buffer = Buffer.alloc(64 * 1024);

/** All connections to one server. */
class Crowd {
  answered = 0;
  readonly #port: number;
  readonly #size: number;
  readonly #selector = new DefaultSelector<Client>();
  readonly #clients: Client[] = [];
  readonly #active: Client[];
  readonly #messages: Uint8Array<ArrayBuffer>[];
  readonly #replies: Buffer[];
  #busy = 0;
  /** What a client does when it has its reply. */
  #goOn: (client: Client) => void = () => {};

  constructor({ port, connections, active, size }: Task) {
    this.#port = port;
    this.#size = size;
    this.#messages = Array.from(
      { length: VARIETY },
      (_, shift) => Uint8Array.from({ length: size }, (_, i) => (97 + shift + i) % PERIOD),
    );
    this.#replies = this.#messages.map((message) => Buffer.from(shout(message.slice())));
    for (let missing = connections; missing > 0; missing -= BATCH) {
      this.#open(Math.min(BATCH, missing));
    }
    // Those that talk are spread evenly over the others.
    const every = connections / active;
    this.#active = Array.from({ length: active }, (_, i) => this.#clients[Math.floor(i * every)]);
  }

  /** Closes all connections. */
  [Symbol.dispose]() {
    this.#selector.close();
    for (const { fd } of this.#clients) close(fd);
  }

  /** For so many milliseconds, each says the next message when it has the reply to the last one. */
  talk(milliseconds: number) {
    this.#goOn = (client) => this.#say(client, 0);
    for (const client of this.#active) if (!client.busy) this.#say(client, 0);
    this.answered = 0;
    const end = performance.now() + milliseconds;
    while (performance.now() < end) this.#exchange(PATIENCE);
  }

  /**
   * For so many milliseconds, `rate` messages a second are due, evenly spread.
   *
   * @returns The latency of each of them in microseconds, and how late the load itself was.
   */
  keepTo(rate: number, milliseconds: number): Pick<Measurement, "latencies" | "late"> {
    this.#goOn = () => {};
    while (this.#busy > 0) this.#exchange(PATIENCE);
    const latencies: number[] = [];
    const late: number[] = [];
    this.#goOn = (client) => {
      latencies.push(1000 * (performance.now() - client.due));
      const due = client.waiting.shift();
      if (due !== undefined) this.#say(client, due);
    };
    const count = Math.ceil(rate * milliseconds / 1000);
    const start = performance.now();
    for (let next = 0; next < count || this.#busy > 0;) {
      const now = performance.now();
      if (now > start + milliseconds + PATIENCE) throw new Error("the server does not keep up");
      for (; next < count && start + 1000 * next / rate <= now; next++) {
        const client = this.#active[next % this.#active.length];
        const due = start + 1000 * next / rate;
        if (client.busy) client.waiting.push(due);
        else {
          late.push(1000 * (performance.now() - due));
          this.#say(client, due);
        }
      }
      // A selector's milliseconds are too long to wait for the next one, so it keeps looking.
      this.#exchange(next < count ? 0 : PATIENCE);
    }
    return { latencies, late: percentile(late, 99) };
  }

  /** Opens connections, and goes on when the server has answered each of them once. */
  #open(count: number) {
    for (let i = 0; i < count; i++) {
      const fd = socket(AF_INET, SOCK_STREAM);
      const message = fd % VARIETY;
      const client = { fd, message, due: 0, sent: 0, received: 0, busy: false, waiting: [] };
      this.#clients.push(client);
      connect(fd, { host: "127.0.0.1", port: this.#port });
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      // Closed with a reset: thousands of connections in TIME_WAIT would burden whoever comes next.
      setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);
      fcntl(fd, F_SETFL, O_NONBLOCK);
      this.#selector.register(fd, EVENT_READ, client);
      this.#say(client, 0);
    }
    while (this.#busy > 0) this.#exchange(PATIENCE);
  }

  /** Waits until some can read or write, and lets them; `timeout` is in milliseconds. */
  #exchange(timeout: number) {
    const ready = this.#selector.select(timeout);
    if (ready.length === 0 && timeout > 0) {
      throw new Error(`the server has not answered anybody for ${timeout / 1000} s`);
    }
    for (const { ready: events, data: client } of ready) {
      if (events & EVENT_WRITE) {
        this.#push(client);
        if (client.sent === this.#size) this.#selector.modify(client.fd, EVENT_READ, client);
      }
      if (events & EVENT_READ) this.#hear(client);
    }
  }

  #say(client: Client, due: number) {
    client.message = (client.message + 1) % VARIETY;
    client.due = due;
    client.sent = client.received = 0;
    client.busy = true;
    this.#busy++;
    this.#push(client);
    // The rest of a message that does not fit goes when there is room.
    if (client.sent < this.#size) {
      this.#selector.modify(client.fd, EVENT_READ | EVENT_WRITE, client);
    }
  }

  #push(client: Client) {
    const { fd, sent } = client;
    const message = this.#messages[client.message];
    const length = trySend(fd, sent === 0 ? message : message.subarray(sent));
    if (length < 0 && length !== -EAGAIN) throw new Error(`the server is gone: ${length}`);
    client.sent += Math.max(length, 0);
  }

  #hear(client: Client) {
    const length = tryRecv(client.fd, buffer);
    if (length === -EAGAIN) return;
    if (length <= 0) throw new Error(`the server has closed a connection: ${length}`);
    const { received, message } = client;
    if (!client.busy || received + length > client.sent) {
      throw new Error("the server has sent more than it was told");
    }
    if (this.#replies[message].compare(buffer, 0, length, received, received + length) !== 0) {
      throw new Error("the server has sent a wrong byte");
    }
    client.received += length;
    if (client.received < this.#size) return;
    client.busy = false;
    this.#busy--;
    this.answered++;
    this.#goOn(client);
  }
}

async function measure(task: Task): Promise<Measurement> {
  using crowd = new Crowd(task);
  using meter = new Meter(task.pid);
  const { pid, time, count } = task;

  crowd.talk(WARM_UP);
  const [start, before, callsBefore] = [performance.now(), meter.read(), countsOf(count)];
  const [server, load] = [cpuTimeOf(pid), cpuTimeOf(Deno.pid)];
  crowd.talk(time);
  const used = { server: cpuTimeOf(pid) - server, load: cpuTimeOf(Deno.pid) - load };
  const [wall, after, callsAfter] = [performance.now() - start, meter.read(), countsOf(count)];
  const { answered: messages } = crowd;
  const switches = after.voluntary + after.forced - before.voluntary - before.forced;

  const measured = crowd.keepTo(task.rate, time);
  const { memory, threads } = meter.read();
  const calls = count?.by === "strace"
    ? await countWithStrace(pid, () => {
      crowd.talk(time);
      return crowd.answered;
    })
    : count && total(callsBefore, callsAfter) / messages;
  return { messages, wall, ...used, switches, calls, memory, threads, ...measured };
}

/**
 * The CPU time of the threads that a process has now, in milliseconds: to the nanosecond from
 * /proc/PID/task/TID/schedstat, which not every kernel has, and otherwise in steps of 10 ms.
 */
function cpuTimeOf(pid: number): number {
  try {
    const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
    return threads.reduce((sum, { name }) => {
      const [nanoseconds] = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ");
      return sum + Number(nanoseconds) / 1e6;
    }, 0);
  } catch {
    return cpuOf(pid);
  }
}

function countsOf(count: Counting | undefined): Counts {
  return count?.by === "recorder" ? readCounts(count.file) : new Map();
}

function total(before: Counts, after: Counts): number {
  return callsBetween(before, after).reduce((sum, { calls }) => sum + calls, 0);
}

raiseDescriptorLimit();
for await (const line of linesOf(Deno.stdin.readable)) {
  try {
    console.log(JSON.stringify(await measure(JSON.parse(line))));
  } catch (error) {
    console.log(JSON.stringify({ error: (error as Error).message }));
  }
}
