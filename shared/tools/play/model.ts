/**
 * What the kernel holds, and where each thread and coroutine stands, at any time of a recorded run:
 * derived from both sides' records, and from nothing else. Times are in microseconds.
 *
 * @module
 */

import { keyOf } from "../lesson/lanes.ts";
import type { TraceEvent } from "../trace/events.ts";
import { lastAt, Series } from "./series.ts";

/** Bytes on their way through the kernel. */
export class Flow {
  /** How many the one side has handed over so far. */
  readonly sent: Series<number> = new Series(0);
  /** How many the other has taken so far. */
  readonly received: Series<number> = new Series(0);

  /** How many the kernel holds. */
  waiting(time: number): number {
    // A record of a side comes a little later than what it records, so more may have been taken.
    return Math.max(0, this.sent.at(time) - this.received.at(time));
  }

  /** Since when the first of those that the kernel holds has been waiting. */
  since(time: number): number {
    const taken = this.received.at(time);
    return this.sent.when((sent) => sent > taken);
  }
}

/** A connection of a client. */
export interface Connection {
  /** The client's name; that of its port, if nothing of the client was recorded. */
  name: string;
  /** What identifies the client among the recorded threads; undefined if it was not recorded. */
  client?: string;
  /** The client's port. */
  port: number;
  /** Its descriptor in the server; -1 while it has none. */
  fd: number;
  /** The process that accepted it. */
  pid: number;
  /** When the kernel had completed the handshake. */
  connected: number;
  /** When a call returned it. */
  accepted: number;
  /** When the client said that it sends nothing more. */
  ended: number;
  /** When the server closed it. */
  closed: number;
  /** What the client sends. */
  toServer: Flow;
  /** What the server sends. */
  toClient: Flow;
  /** Whether a send has found too little room, and there is not enough since then. */
  full: Series<boolean>;
}

/** A listening socket. */
export interface Listener {
  /** Its descriptor. */
  fd: number;
  /** The process. */
  pid: number;
}

/** An epoll instance. */
export interface Epoll {
  /** Its descriptor. */
  fd: number;
  /** The process. */
  pid: number;
  /** When it was made. */
  made: number;
  /** What is watched, by descriptor: the events' names, or undefined for nothing. */
  interest: Map<number, Series<string | undefined>>;
  /** When each descriptor was reported, if any is edge-triggered. */
  reported: Map<number, Series<boolean>>;
}

/** Something that a client has done: it has connected, sent something, or finished sending. */
export interface Deed {
  /** When it had done it. */
  time: number;
  /** The client's connection. */
  connection: Connection;
}

/** A process that another one has started. */
export interface Process {
  /** Its number in the system. */
  pid: number;
  /** Its name. */
  name: string;
  /** The process that has started it. */
  parent: number;
  /** When that was. */
  began: number;
  /** When it ended, as far as its clients or its parent have noticed. */
  ended: number;
  /** When its parent asked how it had ended; until then, it is a zombie. */
  reaped: number;
  /** How it has ended, such as `SIGKILL`. */
  how: string;
}

/** An operation that was handed to an io_uring. */
export interface Operation {
  /** What is to be done, such as `recv`. */
  name: string;
  /** To which descriptor. */
  fd: number;
  /** Of which process. */
  pid: number;
  /** When it was handed over. */
  begin: number;
  /** When its last completion was seen. */
  end: number;
}

/** A thread of the server. */
export interface Thread {
  /** Its process. */
  pid: number;
  /** Its number. */
  tid: number;
  /** Its name. */
  name: string;
  /** Its calls and computations, in the order of the beginnings. */
  calls: TraceEvent[];
  /** When each of these began. */
  begins: number[];
  /** When its process ended. */
  ended: number;
}

/** A coroutine. */
export interface Coroutine {
  /** Its number. */
  id: string;
  /** Its name. */
  name: string;
  /** The coroutine that ran when it was created; undefined if none did. */
  parent?: string;
  /** When it was created. */
  begin: number;
  /** When it ended. */
  end: number;
  /** Whether it runs. */
  running: Series<boolean>;
  /** Its place in the script: that of its last call, or of its creation, or where it waits. */
  at: Series<number | undefined>;
  /** When it ran first. */
  ran: number;
}

/** A run, ready to be looked up at any time. */
export interface Model {
  /** When the last of it ended. */
  end: number;
  /** All connections, in the order in which they were made. */
  connections: Connection[];
  /** What the clients have done, in the order of the times. */
  deeds: Deed[];
  /** All sockets that listen. */
  listeners: Listener[];
  /** All epoll instances. */
  epolls: Epoll[];
  /** All calls of select and poll, in the order of the beginnings. */
  scans: TraceEvent[];
  /** All operations of io_urings, in the order of the beginnings. */
  operations: Operation[];
  /** How many signals wait for the process; a signal of the standard ones waits but once. */
  signals?: Series<number>;
  /** Whether the kernel keeps them until they are read; else, a listener is to be called. */
  keepsSignals: boolean;
  /** The processes that the server has started, in that order. */
  processes: Process[];
  /** The threads of the server, and of these processes. */
  threads: Thread[];
  /** The coroutines, each behind the one that started it. */
  coroutines: Coroutine[];
  /** How many calls had returned EAGAIN, over all. */
  polls: Series<number>;
}

/** The size of a signal that is read, see signalfd(2). */
const SIGNALFD_SIGINFO_SIZE = 128;
/** A socket can be written again when no more than this part of what filled it is left. */
const ENOUGH = 2 / 3;

/** The calls that receive from a connection. */
export const RECEIVES = ["recv", "recvmsg", "read"];
/** The calls that send to one. */
export const SENDS = ["send", "sendmsg", "write"];
/** Calls after which a client may have bytes, before they return. */
const GIVES = [...SENDS, "splice"];

/** Gets a run ready. `events` are in the order of the beginnings. */
export function modelOf(
  events: readonly TraceEvent[],
  names: Readonly<Record<string, string>>,
): Model {
  const builder = new Builder(names);
  // What a call does has happened when it returns, so the order is another one. Numbers are sorted
  // several times as fast as objects: each is a time, in tenths of a microsecond, and an index.
  const { length } = events;
  const [times, order] = [new Float64Array(length), new Float64Array(length)];
  for (let i = 0; i < length; i++) {
    times[i] = timeOf(events[i]);
    order[i] = Math.round(10 * times[i]) * length + i;
  }
  for (const number of order.sort()) {
    const index = number - Math.floor(number / length) * length;
    builder.take(events[index], times[index]);
  }
  return builder.finish(events);
}

/** When the effect of an event has come. */
function timeOf({ name, cat, ph, ts, dur = 0, args }: TraceEvent): number {
  if (ph !== "X") return ts;
  // Bytes that are sent are in the kernel before the call returns: the reply may overtake it.
  if (cat === "call" && GIVES.includes(name) && Number(args.result) > 0 && dur < 1000) return ts;
  return ts + dur;
}

class Builder {
  readonly #names: Readonly<Record<string, string>>;
  readonly #byPort = new Map<unknown, Connection>();
  // These are by process and descriptor, or by process and thread.
  readonly #byClient = new Map<number, Connection>();
  readonly #open = new Map<number, Connection>();
  readonly #asynchronous = new Map<number, boolean>(); // whether signals queue
  readonly #signalfds = new Set<number>();
  readonly #epolls = new Map<number, Epoll>();
  readonly #edgeTriggered = new Set<Epoll>();
  readonly #filled = new Map<Connection, number>(); // how many bytes there were when it was full
  readonly #operations = new Map<string, Operation>();
  readonly #coroutines = new Map<string, Coroutine>();
  readonly #threads = new Map<string, Thread>();
  readonly #processes = new Map<number, Process & { last: number }>(); // with its last event
  readonly #left = new Map<Connection, number>(); // when the client found its end
  readonly #running: Coroutine[] = [];
  readonly #model: Model = {
    end: 0,
    connections: [],
    deeds: [],
    listeners: [],
    epolls: [],
    scans: [],
    operations: [],
    processes: [],
    threads: [],
    coroutines: [],
    keepsSignals: false,
    polls: new Series(0),
  };

  constructor(names: Readonly<Record<string, string>>) {
    this.#names = names;
  }

  take(event: TraceEvent, time: number): void {
    const { cat } = event;
    this.#model.end = Math.max(this.#model.end, time);
    if (cat === "call") this.#call(event, time);
    else if (cat === "io_uring") this.#operation(event, time);
    else if (cat === "client") this.#client(event, time);
    else if (cat === "socket") this.#socket(event, time);
    else if (cat === "coroutine") this.#coroutine(event, time);
    else if (cat === "signal") this.#signalsTaken(time);
  }

  finish(events: readonly TraceEvent[]): Model {
    const model = this.#model;
    let thread: Thread | undefined; // most events are of the same as the one before
    for (const event of events) {
      if (event.cat !== "call" && event.cat !== "computing") continue;
      const { pid, tid, ts } = event;
      if (thread === undefined || thread.pid !== pid || thread.tid !== tid) {
        const id = `${pid} ${tid}`;
        const { ended = Infinity } = this.#processes.get(pid) ?? {};
        const own = { pid, tid, name: this.#names[id] ?? id, calls: [], begins: [], ended };
        thread = this.#threads.get(id) ?? own;
        this.#threads.set(id, thread);
      }
      thread.calls.push(event);
      thread.begins.push(ts);
    }
    const order = new Map(model.processes.map(({ pid }, index) => [pid, index]));
    model.threads = [...this.#threads.values()]
      .sort((a, b) => (order.get(a.pid) ?? -1) - (order.get(b.pid) ?? -1));
    model.epolls = [...this.#epolls.values()];
    model.scans.sort((a, b) => a.ts - b.ts);
    model.coroutines = inTree([...this.#coroutines.values()]);
    return model;
  }

  #call(event: TraceEvent, time: number): void {
    const { name, pid, ts, args } = event;
    const { fd, result, error } = args;
    if (args.at !== undefined) this.#running.at(-1)?.at.set(ts, Number(args.at));
    if (name === "select" || name === "poll") this.#model.scans.push(event);
    const process = this.#processes.get(pid);
    if (process !== undefined) process.last = time;
    const connection = this.#open.get(keyOf(pid, Number(fd)));
    if (error !== undefined) {
      if (!String(error).startsWith("EAGAIN")) return;
      const { polls } = this.#model;
      polls.set(time, polls.last + Number(args.count ?? 1));
      if (SENDS.includes(name) && connection !== undefined) this.#sent(connection, true, time);
      return;
    }
    const number = Number(result);
    if (name === "listen") this.#model.listeners.push({ fd: Number(fd), pid });
    else if (args.peer !== undefined) this.#accepted(pid, number, args.peer, time);
    else if (name === "epoll_create1") this.#made(pid, number, time);
    else if (name === "epoll_ctl") this.#controlled(pid, args, time);
    else if (name === "epoll_wait") this.#reported(pid, args, time);
    else if (name === "signalfd") {
      this.#signalfds.add(keyOf(pid, number));
      this.#model.keepsSignals = true;
    } else if (name === "fcntl") this.#controlledByFlags(pid, args);
    else if (name === "close") this.#closed(pid, Number(fd), event.ts);
    else if (name === "posix_spawn" && number === 0) this.#spawned(Number(args.pid), pid, time);
    else if (name === "waitpid") this.#reaped(number, String(args.ended), time);
    else if (RECEIVES.includes(name)) {
      if (connection === undefined) {
        const count = number / SIGNALFD_SIGINFO_SIZE;
        if (this.#signalfds.has(keyOf(pid, Number(fd)))) this.#signalsTaken(time, count);
      } else if (!String(args.flags).includes("MSG_PEEK")) {
        add(connection.toServer.received, time, number);
      }
    } else if (SENDS.includes(name) && connection !== undefined) {
      add(connection.toClient.sent, time, number);
      this.#sent(connection, number < Number(args.length), time);
    } else if (name === "splice") {
      const [source, target] = [args.from, args.to].map((fd) =>
        this.#open.get(keyOf(pid, Number(fd)))
      );
      if (source !== undefined) add(source.toServer.received, time, number);
      if (target !== undefined) {
        add(target.toClient.sent, time, number);
        this.#sent(target, false, time);
      }
    }
  }

  /** Whether a send has found that there was too little room. */
  #sent(connection: Connection, isFull: boolean, time: number): void {
    const { full, toClient: { sent, received } } = connection;
    if (isFull) this.#filled.set(connection, sent.last - received.last);
    if (isFull === full.last) return;
    full.set(time, isFull);
    if (!isFull) this.#signal(connection, time);
  }

  #accepted(pid: number, fd: number, port: unknown, time: number): void {
    const own = this.#byPort.get(port) ?? this.#connected(`port ${port}`, port, time);
    own.accepted = Math.max(time, own.connected);
    own.fd = fd;
    own.pid = pid;
    this.#open.set(keyOf(pid, fd), own);
  }

  #connected(name: string, port: unknown, time: number): Connection {
    const connection: Connection = {
      name,
      port: Number(port),
      fd: -1,
      pid: 0,
      connected: time,
      accepted: Infinity,
      ended: Infinity,
      closed: Infinity,
      toServer: new Flow(),
      toClient: new Flow(),
      full: new Series(false),
    };
    this.#byPort.set(port, connection);
    this.#model.connections.push(connection);
    this.#model.deeds.push({ time, connection });
    return connection;
  }

  #closed(pid: number, fd: number, time: number): void {
    const key = keyOf(pid, fd);
    const connection = this.#open.get(key);
    if (connection !== undefined) connection.closed = time;
    this.#open.delete(key);
    this.#asynchronous.delete(key);
    this.#epolls.delete(key);
    for (const epoll of this.#model.epolls) {
      // The kernel removes from its list what is closed.
      if (epoll.pid === pid && epoll.interest.get(fd)?.last) {
        epoll.interest.get(fd)!.set(time, undefined);
      }
    }
  }

  #spawned(pid: number, parent: number, time: number): void {
    const name = this.#names[`${pid} ${pid}`] ?? `process ${pid}`;
    const ends = { ended: Infinity, reaped: Infinity, how: "" };
    const process = { pid, name, parent, began: time, last: time, ...ends };
    this.#processes.set(pid, process);
    this.#model.processes.push(process);
  }

  /** The kernel closes what a process has open when it ends, which its clients notice first. */
  #reaped(pid: number, how: string, time: number): void {
    const process = this.#processes.get(pid);
    if (process === undefined) return;
    const own = [...this.#open.values()].filter((connection) => connection.pid === pid);
    const noticed = own.map((connection) => this.#left.get(connection) ?? Infinity)
      .filter((left) => left >= process.last);
    process.ended = Math.min(time, ...noticed);
    process.reaped = time;
    process.how = how;
    for (const { fd } of own) this.#closed(pid, fd, process.ended);
  }

  #made(pid: number, fd: number, time: number): void {
    const epoll = { fd, pid, made: time, interest: new Map(), reported: new Map() };
    this.#epolls.set(keyOf(pid, fd), epoll);
    this.#model.epolls.push(epoll);
  }

  #controlled(
    pid: number,
    { epfd, operation, fd, events }: TraceEvent["args"],
    time: number,
  ): void {
    const epoll = this.#epolls.get(keyOf(pid, Number(epfd)));
    if (epoll === undefined) return;
    const watched = operation === "EPOLL_CTL_DEL" ? undefined : String(events);
    if (watched?.includes("EPOLLET")) this.#edgeTriggered.add(epoll);
    seriesOf(epoll.interest, Number(fd), undefined).set(time, watched);
  }

  #reported(pid: number, { epfd, found }: TraceEvent["args"], time: number): void {
    const epoll = this.#epolls.get(keyOf(pid, Number(epfd)));
    if (epoll === undefined || found === undefined) return;
    // Other reports say nothing that is not known already, and there may be very many.
    if (!this.#edgeTriggered.has(epoll) && !String(found).includes("EPOLLOUT")) return;
    for (const [fd, events] of descriptorsIn(String(found))) {
      seriesOf(epoll.reported, fd, false).set(time, true);
      const connection = this.#open.get(keyOf(pid, fd));
      if (connection && events.includes("EPOLLOUT")) this.#sent(connection, false, time);
    }
  }

  #operation({ name, ph, pid, id, ts, args }: TraceEvent, time: number): void {
    const key = `${pid} ${id}`;
    if (ph === "b") {
      const own = { name, fd: Number(args.fd), pid, begin: ts, end: Infinity };
      this.#operations.set(key, own);
      this.#model.operations.push(own);
      return;
    }
    const own = this.#operations.get(key);
    if (own === undefined) return;
    if (ph === "e") own.end = time;
    const result = Number(args.result);
    if (args.peer !== undefined) this.#accepted(pid, result, args.peer, time);
    const connection = this.#open.get(keyOf(pid, own.fd));
    if (result <= 0 || connection === undefined) return;
    if (name === "recv") add(connection.toServer.received, time, result);
    // The kernel has sent it at some time since it was handed over.
    if (name === "send") add(connection.toClient.sent, own.begin, result);
  }

  #client({ name, pid, tid, args }: TraceEvent, time: number): void {
    if (name !== "connect" || !args.port) return;
    const client = `${pid} ${tid}`;
    const label = this.#names[client] ?? `client ${tid}`;
    const known = this.#byPort.get(args.port);
    // The server may have accepted it before the client's promise was settled.
    const connection = known ?? this.#connected(label, args.port, time);
    const [listener] = this.#model.listeners;
    if (known === undefined && listener) this.#signal(listener, time);
    connection.name = label;
    connection.client = client;
    this.#byClient.set(keyOf(pid, tid), connection);
  }

  #socket({ name, pid, tid, args }: TraceEvent, time: number): void {
    const connection = this.#byClient.get(keyOf(pid, tid));
    if (connection === undefined) return;
    if (name === "taken") {
      this.#model.deeds.push({ time, connection });
      add(connection.toServer.sent, time, Number(args.bytes));
      this.#signal(connection, time); // of a large piece, the kernel makes several
    } else if (name === "given") {
      if (args.bytes) add(connection.toClient.received, time, Number(args.bytes));
      else if (!this.#left.has(connection)) this.#left.set(connection, time);
      const { sent, received } = connection.toClient;
      const most = (this.#filled.get(connection) ?? 0) * ENOUGH;
      if (sent.last - received.last <= most) this.#sent(connection, false, time);
    } else if (connection.ended === Infinity) {
      this.#model.deeds.push({ time, connection });
      connection.ended = time;
      // The end changes the state of the connection, and can be read: that makes two.
      for (let i = 0; i < 2; i++) this.#signal(connection, time);
    }
  }

  /** Something has happened to a socket that sends a signal, if that was asked for. */
  #signal({ pid, fd }: { pid: number; fd: number }, time: number): void {
    const { signals } = this.#model;
    const queues = this.#asynchronous.get(keyOf(pid, fd));
    if (signals && queues !== undefined) signals.set(time, queues ? signals.last + 1 : 1);
  }

  #controlledByFlags(pid: number, { fd, command, argument }: TraceEvent["args"]): void {
    const key = keyOf(pid, Number(fd));
    const queues = this.#asynchronous.get(key) ?? false;
    if (command === "F_SETSIG") this.#asynchronous.set(key, true);
    else if (command === "F_SETFL" && String(argument).includes("O_ASYNC")) {
      this.#asynchronous.set(key, queues);
      this.#model.signals ??= new Series(0);
    }
  }

  #signalsTaken(time: number, count = Infinity): void {
    const { signals } = this.#model;
    if (signals?.last) signals.set(time, Math.max(0, signals.last - count));
  }

  #coroutine({ name, ph, pid, id, args }: TraceEvent, time: number): void {
    const key = `${pid} ${id}`;
    const at = args.at === undefined ? undefined : Number(args.at);
    const own = this.#coroutines.get(key);
    if (own === undefined) {
      this.#coroutines.set(key, {
        id: key,
        name,
        parent: this.#running.at(-1)?.id,
        begin: time,
        end: Infinity,
        running: new Series(false),
        at: new Series(at),
        ran: Infinity,
      });
    } else if (name === "running") {
      own.ran = Math.min(own.ran, time);
      // Where it waits may be unknown; then it made its last call there, if it has made any.
      const isKnown = ph === "b" || (own.at.times.at(-1) ?? -1) >= own.running.times.at(-1)!;
      if (at !== undefined || !isKnown) own.at.set(time, at);
      own.running.set(time, ph === "b");
      if (ph === "b") this.#running.push(own);
      else this.#running.splice(this.#running.lastIndexOf(own), 1);
    } else if (ph === "e") own.end = time;
  }
}

function add(series: Series<number>, time: number, more: number): void {
  if (more > 0) series.set(time, series.last + more);
}

function seriesOf<Value>(
  all: Map<number, Series<Value>>,
  key: number,
  initial: Value,
): Series<Value> {
  const series = all.get(key) ?? new Series(initial);
  all.set(key, series);
  return series;
}

/** Coroutines, each behind the one that started it. */
function inTree(coroutines: Coroutine[]): Coroutine[] {
  const children = Map.groupBy(coroutines, ({ parent }) => parent);
  const tree: Coroutine[] = [];
  const rest = [...children.get(undefined) ?? []].reverse();
  for (let next; (next = rest.pop()) !== undefined;) {
    tree.push(next);
    rest.push(...[...children.get(next.id) ?? []].reverse());
  }
  return tree;
}

/** What a text such as `POLLIN 7,9-12; POLLOUT 8` says: the events by descriptor. */
export function descriptorsIn(text: string): Map<number, string> {
  const descriptors = new Map<number, string>();
  for (const group of text.split("; ")) {
    const [events, ranges = ""] = group.split(" ");
    for (const range of ranges === "" ? [] : ranges.split(",")) {
      const [first, last = first] = range.split("-").map(Number);
      for (let fd = first; fd <= last; fd++) {
        const known = descriptors.get(fd);
        descriptors.set(fd, known === undefined ? events : `${known}|${events}`);
      }
    }
  }
  return descriptors;
}

/** The call in which a thread is at a time; more than one while it polls in a loop. */
export function callsAt({ calls, begins }: Thread, time: number): TraceEvent[] {
  const at: TraceEvent[] = [];
  for (let i = lastAt(begins, time); i >= 0 && begins[i] === begins[lastAt(begins, time)]; i--) {
    const { ts, dur = 0 } = calls[i];
    if (time < ts + dur) at.unshift(calls[i]);
  }
  return at;
}

/** The last call that a thread had begun by a time; undefined before its first. */
export function lastCall({ calls, begins }: Thread, time: number): TraceEvent | undefined {
  return calls[lastAt(begins, time)];
}

/** What the kernel holds, and where everybody stands, as plain data that can be compared. */
export interface Moment {
  /** The connected clients that no call has returned yet, by their names, the first one first. */
  queue: string[];
  /** What each connection is like. */
  connections: {
    name: string;
    fd: number;
    /** Whose descriptor it is, where the server has started processes. */
    process?: string;
    state: "before" | "queued" | "open" | "closed";
    toServer: number;
    toClient: number;
    /** Whether the client has finished sending, and the server has yet to close. */
    ended: boolean;
  }[];
  /** What each epoll instance watches, and which of it is ready. */
  epolls: { fd: number; interest: number[]; ready: number[] }[];
  /** What the last select or poll was about, and which of it it found. */
  scan?: { name: string; inside: boolean; watched: number[]; ready: number[] };
  /** The operations under way, and whether the kernel has done them already. */
  operations: { name: string; fd: number; done: boolean }[];
  /** How many signals wait; undefined where none were asked for. */
  signals?: number;
  /** How many calls have returned EAGAIN so far. */
  polls: number;
  /** What has become of each process that the server has started. */
  processes: { name: string; state: "before" | "running" | "zombie" | "ended"; how: string }[];
  /** In which calls each thread is. */
  threads: { name: string; calls: string[] }[];
  /** What each coroutine does. */
  coroutines: { name: string; state: "before" | "running" | "waiting" | "ended" }[];
}

/** What the kernel holds at a time: a function of the run and the time alone. */
export function momentOf(model: Model, time: number): Moment {
  const readiness = new Readiness(model, time);
  // Of Deno's own sockets, only the clients' side was recorded.
  const isSeen = model.listeners.length > 0;
  const holders = new Map(model.processes.map(({ pid, name }) => [pid, name]));
  return {
    queue: readiness.queue.map(({ name }) => name),
    connections: model.connections.map((connection) => ({
      name: connection.name,
      fd: connection.accepted <= time ? connection.fd : -1,
      process: connection.accepted <= time ? holders.get(connection.pid) : undefined,
      state: stateOf(connection, time),
      toServer: isSeen && isOpen(connection, time) ? connection.toServer.waiting(time) : 0,
      toClient: isSeen ? connection.toClient.waiting(time) : 0,
      ended: connection.ended <= time && isOpen(connection, time),
    })),
    epolls: model.epolls.filter(({ made }) => made <= time).map((epoll) => {
      const { fd, interest } = epoll;
      const watched = [...interest].filter(([, events]) => events.at(time) !== undefined);
      return {
        fd,
        interest: watched.map(([fd]) => fd),
        ready: watched.filter(([fd, events]) => readiness.isReady(epoll, fd, events.at(time)!))
          .map(([fd]) => fd),
      };
    }),
    scan: scanAt(model.scans, time),
    operations: operationsAt(model.operations, time).map((operation) => ({
      name: operation.name,
      fd: operation.fd,
      done: readiness.isDone(operation),
    })),
    signals: model.signals?.at(time),
    polls: model.polls.at(time),
    processes: model.processes.map(({ name, began, ended, reaped, how }) => ({
      name,
      state: time < began
        ? "before"
        : time < ended
        ? "running"
        : time < reaped
        ? "zombie"
        : "ended",
      how: time < ended ? "" : how,
    })),
    threads: model.threads.map((thread) => ({
      name: thread.name,
      calls: callsAt(thread, time).map(({ name, args: { fd } }) =>
        fd === undefined ? name : `${name}(${fd})`
      ),
    })),
    coroutines: model.coroutines.map(({ name, begin, end, running }) => ({
      name,
      state: time < begin
        ? "before"
        : time >= end
        ? "ended"
        : running.at(time)
        ? "running"
        : "waiting",
    })),
  };
}

/** How a connection is at a time. */
export function stateOf(
  { connected, accepted, closed }: Connection,
  time: number,
): Moment["connections"][number]["state"] {
  if (time < connected) return "before";
  if (time >= closed) return "closed";
  return time < accepted ? "queued" : "open";
}

function isOpen({ connected, closed }: Connection, time: number): boolean {
  return connected <= time && time < closed;
}

function operationsAt(operations: Operation[], time: number): Operation[] {
  return operations.filter(({ begin, end }) => begin <= time && time < end);
}

function scanAt(scans: TraceEvent[], time: number): Moment["scan"] {
  let [low, high] = [0, scans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scans[middle].ts <= time) low = middle + 1;
    else high = middle;
  }
  const scan = scans[low - 1];
  if (scan === undefined) return undefined;
  const { name, ts, dur = 0, args: { watched = "", found = "" } } = scan;
  const inside = time < ts + dur;
  return {
    name,
    inside,
    watched: fdsIn(watched),
    ready: inside ? [] : fdsIn(found),
  };
}

function fdsIn(text: string | number): number[] {
  return text === "" ? [] : [...descriptorsIn(String(text)).keys()];
}

/** Which descriptors are ready at a time. */
class Readiness {
  readonly queue: Connection[];
  readonly #time: number;
  readonly #listeners: Set<number>;
  readonly #byFd: Map<number, Connection>;

  constructor({ connections, listeners, processes }: Model, time: number) {
    this.#time = time;
    this.#listeners = new Set(listeners.map(({ pid, fd }) => keyOf(pid, fd)));
    for (const { pid, parent } of processes) { // a process inherits the listeners of its parent
      for (const { fd } of listeners) {
        if (this.#listeners.has(keyOf(parent, fd))) this.#listeners.add(keyOf(pid, fd));
      }
    }
    this.queue = listeners.length === 0
      ? []
      : connections.filter((connection) => stateOf(connection, time) === "queued");
    this.#byFd = new Map(
      connections.filter((connection) => stateOf(connection, time) === "open")
        .map((connection) => [keyOf(connection.pid, connection.fd), connection]),
    );
  }

  isReady({ pid, interest, reported }: Epoll, fd: number, events: string): boolean {
    const connection = this.#byFd.get(keyOf(pid, fd));
    const time = this.#time;
    // Edge-triggered: only what has come since it was last reported.
    const since = events.includes("EPOLLET")
      ? reported.get(fd)?.since(time) ?? -Infinity
      : Infinity;
    if (connection === undefined && this.#listeners.has(keyOf(pid, fd))) {
      return this.queue.length > 0 &&
        (since === Infinity || this.queue.some(({ connected }) => connected > since));
    }
    if (connection === undefined) return false;
    const { toServer, ended, full } = connection;
    const hasEnded = ended <= time;
    const canBeRead = toServer.waiting(time) > 0 || hasEnded;
    const isReady = events.includes("EPOLLIN") && canBeRead ||
      events.includes("EPOLLOUT") && !full.at(time);
    if (!isReady || since === Infinity) return isReady;
    // Whatever has happened to the socket puts it on the list, for all that it is ready for.
    const happened = [interest.get(fd)!, toServer.sent].map((series) => series.since(time));
    if (hasEnded) happened.push(ended);
    if (!full.at(time)) happened.push(full.since(time));
    return happened.some((when) => when > since);
  }

  /** Whether the kernel has done an operation already, although nobody has seen it yet. */
  isDone({ name, pid, fd }: Operation): boolean {
    if (name === "accept") return this.queue.length > 0;
    const connection = this.#byFd.get(keyOf(pid, fd));
    if (name !== "recv" || connection === undefined) return name === "send";
    return connection.toServer.waiting(this.#time) > 0 || connection.ended <= this.#time;
  }
}
