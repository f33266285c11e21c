/**
 * The load, in a process of its own: reads one {@linkcode Task} in JSON from each line of its
 * input, and prints a {@linkcode Measurement}, or what was wrong, in a line of JSON.
 *
 * It measures twice. First, each active connection sends its next message when it has the reply to
 * the last one: this gives the most messages a second, and their cost. Then messages are due at a
 * fixed rate, whatever the server does, and each latency counts from the time at which the message
 * was due. A load that starts its clock only after the last reply sends a single message to a
 * server that stalls, and records one slow message among many fast ones. The messages that it
 * should have sent during the stall are never counted: this is known as coordinated omission.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { callsBetween, type Counts, readCounts } from "../../shared/tools/lesson/costs.ts";
import { cpuOf, Meter, readFamily } from "../../shared/tools/process/proc.ts";
import { linesOf } from "../../shared/lines.ts";
import {
  close,
  F_SETFL,
  fcntl,
  O_NONBLOCK,
  raiseDescriptorLimit,
} from "../../shared/linux/descriptors.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import {
  AF_INET,
  connect,
  IPPROTO_TCP,
  setsockopt,
  SO_LINGER,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  TCP_NODELAY,
  tryRecv,
  trySend,
} from "../../shared/linux/socket.ts";
import { DefaultSelector } from "../../shared/selectors/default.ts";
import { EVENT_READ, EVENT_WRITE } from "../../shared/selectors/selector.ts";
import { shout } from "../../shared/shout.ts";
import type { Cell } from "./cells.ts";
import { percentile } from "./statistics.ts";
import { countWithStrace } from "./strace.ts";

/** A server to be measured, and how. */
export interface Task extends Cell {
  /** The port of the server, on 127.0.0.1. */
  port: number;
  /** The server's process. */
  pid: number;
  /** The length of each of the two measurements, in milliseconds. */
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

/** The result of one measurement. */
export interface Measurement {
  /** Messages that were answered in the first part, at full speed. */
  messages: number;
  /** The length of that part, in milliseconds. */
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
  /** Microseconds from the time at which a message was due to the end of its reply. */
  latencies: number[];
  /** How late the load was with 99 % of the messages that it was free to send, in microseconds. */
  late: number;
}

/** One of the connections. */
interface Client {
  readonly fd: number;
  /** Which of the messages it is sending, or has sent last. */
  message: number;
  /** When that message was due; 0 at full speed. */
  due: number;
  sent: number;
  received: number;
  busy: boolean;
  /** The times at which later messages were due, which wait for the reply to this one. */
  readonly waiting: number[];
}

/** How long the server may send nothing at all, in milliseconds. */
const PATIENCE = 10_000;
/** How long the load runs before anything is measured, in milliseconds. */
const WARM_UP = 250;
/** Connections that are opened at a time: fewer than fit into any server's queue. */
const BATCH = 100;
/** The bytes of a message repeat after so many. */
const PERIOD = 251;
/** How many different messages there are: a client's next message never has the same reply. */
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
  /** Called when a client has its reply. */
  #onReply: (client: Client) => void = () => {};

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
    // The active ones are spread evenly among the idle ones.
    const every = connections / active;
    this.#active = Array.from({ length: active }, (_, i) => this.#clients[Math.floor(i * every)]);
  }

  /** Closes all connections. */
  [Symbol.dispose]() {
    this.#selector[Symbol.dispose]();
    for (const { fd } of this.#clients) close(fd);
  }

  /** For so many milliseconds, each client sends a message whenever it has the last reply. */
  runAtFullSpeed(milliseconds: number) {
    this.#onReply = (client) => this.#begin(client, 0);
    for (const client of this.#active) if (!client.busy) this.#begin(client, 0);
    this.answered = 0;
    const end = performance.now() + milliseconds;
    while (performance.now() < end) this.#exchange(PATIENCE);
  }

  /**
   * For so many milliseconds, `rate` messages a second are due, evenly spread.
   *
   * @returns The latency of each message in microseconds, and how late the load itself was.
   */
  keepTo(rate: number, milliseconds: number): Pick<Measurement, "latencies" | "late"> {
    this.#onReply = () => {};
    while (this.#busy > 0) this.#exchange(PATIENCE);
    const latencies: number[] = [];
    const late: number[] = [];
    this.#onReply = (client) => {
      latencies.push(1000 * (performance.now() - client.due));
      const due = client.waiting.shift();
      if (due !== undefined) this.#begin(client, due);
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
          this.#begin(client, due);
        }
      }
      // A selector waits whole milliseconds, and the next message is due sooner: do not wait.
      this.#exchange(next < count ? 0 : PATIENCE);
    }
    return { latencies, late: percentile(late, 99) };
  }

  /** Opens connections, and returns when the server has answered each of them once. */
  #open(count: number) {
    for (let i = 0; i < count; i++) {
      const fd = socket(AF_INET, SOCK_STREAM);
      const message = fd % VARIETY;
      const client = { fd, message, due: 0, sent: 0, received: 0, busy: false, waiting: [] };
      this.#clients.push(client);
      connect(fd, { host: "127.0.0.1", port: this.#port });
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      // Close with a reset, so that no connection stays in TIME_WAIT beside the next server.
      setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);
      fcntl(fd, F_SETFL, O_NONBLOCK);
      this.#selector.register(fd, EVENT_READ, client);
      this.#begin(client, 0);
    }
    while (this.#busy > 0) this.#exchange(PATIENCE);
  }

  /** Waits until some clients can read or write, and serves them; `timeout` is in milliseconds. */
  #exchange(timeout: number) {
    const ready = this.#selector.select(timeout);
    if (ready.length === 0 && timeout > 0) {
      throw new Error(`the server has answered no client for ${timeout / 1000} s`);
    }
    for (const { ready: events, data: client } of ready) {
      if (events & EVENT_WRITE) {
        this.#send(client);
        if (client.sent === this.#size) this.#selector.modify(client.fd, EVENT_READ, client);
      }
      if (events & EVENT_READ) this.#receive(client);
    }
  }

  #begin(client: Client, due: number) {
    client.message = (client.message + 1) % VARIETY;
    client.due = due;
    client.sent = client.received = 0;
    client.busy = true;
    this.#busy++;
    this.#send(client);
    // If a message does not fit, its rest is sent when there is room.
    if (client.sent < this.#size) {
      this.#selector.modify(client.fd, EVENT_READ | EVENT_WRITE, client);
    }
  }

  #send(client: Client) {
    const { fd, sent } = client;
    const message = this.#messages[client.message];
    const length = trySend(fd, sent === 0 ? message : message.subarray(sent));
    if (length < 0 && length !== -EAGAIN) throw new Error(`the server is gone: ${length}`);
    client.sent += Math.max(length, 0);
  }

  #receive(client: Client) {
    const length = tryRecv(client.fd, buffer);
    if (length === -EAGAIN) return;
    if (length <= 0) throw new Error(`the server has closed a connection: ${length}`);
    const { received, message } = client;
    if (!client.busy || received + length > client.sent) {
      throw new Error("the server has sent more than it has received");
    }
    if (this.#replies[message].compare(buffer, 0, length, received, received + length) !== 0) {
      throw new Error("the server has sent a wrong byte");
    }
    client.received += length;
    if (client.received < this.#size) return;
    client.busy = false;
    this.#busy--;
    this.answered++;
    this.#onReply(client);
  }
}

async function measure(task: Task): Promise<Measurement> {
  using crowd = new Crowd(task);
  using meter = new Meter(task.pid);
  const { pid, time, count } = task;

  crowd.runAtFullSpeed(WARM_UP);
  const [start, before, callsBefore] = [performance.now(), meter.read(), countsOf(count)];
  const [server, load] = [cpuTimeOf(pid), cpuTimeOf(Deno.pid)];
  crowd.runAtFullSpeed(time);
  const used = { server: cpuTimeOf(pid) - server, load: cpuTimeOf(Deno.pid) - load };
  const [wall, after, callsAfter] = [performance.now() - start, meter.read(), countsOf(count)];
  const { answered: messages } = crowd;
  const switches = after.voluntary + after.forced - before.voluntary - before.forced;

  const measured = crowd.keepTo(task.rate, time);
  const { memory, threads } = meter.read();
  const calls = count?.by === "strace"
    ? await countWithStrace(pid, () => {
      crowd.runAtFullSpeed(time);
      return crowd.answered;
    })
    : count && total(callsBefore, callsAfter) / messages;
  return { messages, wall, ...used, switches, calls, memory, threads, ...measured };
}

/**
 * The CPU time of the threads that a process and those it has started have now, in milliseconds.
 * /proc/PID/task/TID/schedstat gives it to the nanosecond; on a kernel without that file, it comes
 * in steps of 10 ms.
 */
function cpuTimeOf(pid: number): number {
  const threads = [...readFamily(pid, "schedstat").values()];
  if (threads.length === 0) return cpuOf(pid);
  return threads.reduce((sum, [nanoseconds]) => sum + parseInt(nanoseconds) / 1e6, 0);
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
