/**
 * How the arguments of each call are shown, and what it found: constants by their names, as strace
 * shows them, and which descriptors are ready.
 *
 * @module
 */

import * as descriptors from "../../linux/descriptors.ts";
import * as epoll from "../../linux/epoll.ts";
import * as eventfd from "../../linux/eventfd.ts";
import * as ring from "../../linux/io_uring/io_uring.ts";
import * as memory from "../../linux/memory.ts";
import * as pipe from "../../linux/pipe.ts";
import * as poll from "../../linux/poll.ts";
import * as process from "../../linux/process.ts";
import * as recvmsg from "../../linux/recvmsg.ts";
import * as signal from "../../linux/signal.ts";
import * as socket from "../../linux/socket.ts";
import * as time from "../../linux/time.ts";
import * as timerfd from "../../linux/timerfd.ts";
import type { TraceEvent } from "./events.ts";
import { prototypes } from "./functions.ts";

/** The arguments of a call. */
// deno-lint-ignore no-explicit-any -- of every type that a C function takes
export type Arguments = any[];
type Value = number | string;
/** How one argument is shown; not at all if it is undefined. */
type Shown = (args: Arguments) => Value | undefined;

/** Which arguments are shown, by label; of other functions, all that are numbers. */
const SHOWN: Record<string, Record<string, Shown>> = {
  accept4: { fd: at(0), flags: flagsAt(3, socket, /^SOCK_/) },
  bind: { fd: at(0), address: addressAt(1) },
  close: { fd: at(0) },
  connect: { fd: at(0), address: addressAt(1) },
  dup2: { fd: at(0), number: at(1) },
  epoll_create1: { flags: flagsAt(0, epoll, /^EPOLL_CLOEXEC$/) },
  epoll_ctl: {
    epfd: at(0),
    operation: nameAt(1, epoll, /^EPOLL_CTL_/),
    fd: at(2),
    events: ([, , , event]) => `{${epollEvents(event[0])}}`,
  },
  epoll_wait: { epfd: at(0), capacity: at(2), timeout: at(3) },
  eventfd: { initial: at(0), flags: flagsAt(1, eventfd, /^EFD_/) },
  execv: { path: ([path]) => textIn(path) },
  fcntl: {
    fd: at(0),
    command: nameAt(1, { ...descriptors, ...pipe, ...signal }, /^F_[A-Z]+/),
    argument,
  },
  fcntl_pointer: { fd: at(0), command: nameAt(1, signal, /^F_SETOWN_EX$/) },
  getpeername: { fd: at(0) },
  getrlimit: { resource: nameAt(0, { ...descriptors, ...signal }, /^RLIMIT_/) },
  getsockname: { fd: at(0) },
  getsockopt: { fd: at(0), level: nameAt(1, socket, /^(SOL_|IPPROTO_)/), name: option },
  io_uring_enter: {
    fd: at(1),
    submit: at(2),
    minimum: at(3),
    flags: flagsAt(4, ring, /^IORING_ENTER_/),
  },
  io_uring_register: { fd: at(1), operation: nameAt(2, ring, /^IORING_REGISTER_/) },
  io_uring_setup: { entries: at(1) },
  kill: { pid: at(0), signal: nameAt(1, process, /^SIG/) },
  listen: { fd: at(0), backlog: at(1) },
  mmap: {
    length: at(1),
    protection: flagsAt(2, memory, /^PROT_/),
    flags: flagsAt(3, memory, /^MAP_/),
    fd: at(4),
    offset: at(5),
  },
  munmap: { length: at(1) },
  open: { path: ([path]) => textIn(path), flags: flagsAt(1, descriptors, /^O_/) },
  pipe2: { ends: ([fds]) => `[${[...fds].join(", ")}]`, flags: flagsAt(1, descriptors, /^O_/) },
  poll: { length: at(1), timeout: at(2) },
  posix_spawn: { path: ([, path]) => textIn(path) },
  prctl: {
    operation: nameAt(0, process, /^PR_/),
    argument: ([, argument]) => nameAt(0, process, /^SIG/)([Number(argument)]),
  },
  read: { fd: at(0), length: at(2) },
  pthread_sigmask: { how: nameAt(0, signal, /^SIG_/) },
  recv: { fd: at(0), length: at(2), flags: flagsAt(3, socket, /^MSG_/) },
  recvmsg: { fd: at(0), flags: flagsAt(2, socket, /^MSG_/) },
  select: { nfds: at(0) },
  send: { fd: at(0), length: at(2), flags: flagsAt(3, socket, /^MSG_/) },
  setrlimit: { resource: nameAt(0, { ...descriptors, ...signal }, /^RLIMIT_/) },
  setsockopt: {
    fd: at(0),
    level: nameAt(1, socket, /^(SOL_|IPPROTO_)/),
    name: option,
    value: ([, , , value]) => [...value].join(" "),
  },
  shutdown: { fd: at(0), how: nameAt(1, socket, /^SHUT_/) },
  signalfd: { fd: at(0), flags: flagsAt(2, signal, /^SFD_/) },
  socket: {
    domain: nameAt(0, socket, /^AF_/),
    type: flagsAt(1, socket, /^SOCK_/),
    protocol: ([, , protocol]) => protocol === 0 ? "IPPROTO_IP" : protocol,
  },
  splice: { from: at(0), to: at(2), length: at(4), flags: flagsAt(5, pipe, /^SPLICE_F_/) },
  timerfd_create: {
    clock: nameAt(0, time, /^CLOCK_/),
    flags: flagsAt(1, timerfd, /^TFD_(NONBLOCK|CLOEXEC)$/),
  },
  timerfd_settime: {
    fd: at(0),
    flags: flagsAt(1, timerfd, /^TFD_TIMER_/),
    interval: ([, , times]) => timespec(times, 0),
    first: ([, , times]) => timespec(times, 2),
  },
  waitpid: { pid: at(0), options: flagsAt(2, process, /^WNOHANG$/) },
  write: { fd: at(0), length: at(2) },
};

const pollEvents = flags(poll, /^POLL[A-Z]+$/);
const epollEvents = flags(epoll, /^EPOLL[A-Z]+$/);

/** A descriptor, and for what it is watched or ready, in words. */
type Ready = [fd: number, events: string];

/** What a successful call found, by the function's name. */
const FOUND: Record<string, (args: Arguments, result: number) => Iterable<Ready>> = {
  *epoll_wait([, words], result) {
    const [length, data] = [epoll.EPOLL_EVENT_SIZE / 4, epoll.EPOLL_EVENT.data / 4];
    for (let i = 0; i < result; i++) {
      yield [words[i * length + data], epollEvents(words[i * length])];
    }
  },
  *poll([words, length]) {
    for (let i = 0; i < length; i++) {
      const revents = words[2 * i + 1] >>> 16;
      if (revents !== 0) yield [words[2 * i], pollEvents(revents)];
    }
  },
  select: inSets,
};

/** What a call is about to wait for, where its arguments say so. */
const WATCHED: Record<string, (args: Arguments) => Iterable<Ready>> = {
  *poll([words, length]) {
    for (let i = 0; i < length; i++) {
      const events = words[2 * i + 1] & 0xffff;
      if (words[2 * i] >= 0 && events !== 0) yield [words[2 * i], pollEvents(events)];
    }
  },
  select: inSets,
};

function* inSets([nfds, ...sets]: Arguments): Iterable<Ready> {
  for (let i = 0; i < 3 * nfds; i++) {
    const [set, fd] = [Math.floor(i / nfds), i % nfds];
    const words = sets[set];
    if (words && words[fd >>> 5] & 1 << (fd & 31)) yield [fd, ["in", "out", "except"][set]];
  }
}

/** So many descriptors that are ready are shown at the most. */
const MOST = 3;

/** The function that says how the arguments of a call are shown. */
export function argumentsOf(name: string): (args: Arguments) => TraceEvent["args"] {
  const shown = Object.entries(SHOWN[name] ?? numbersOf(name));
  return (args) => {
    const result: TraceEvent["args"] = {};
    for (const [label, show] of shown) {
      const value = show(args);
      if (value !== undefined) result[label] = value;
    }
    return result;
  };
}

/** Which argument is the descriptor that a call is about; the first one, if none is known. */
export function descriptorOf(name: string): number {
  return { epoll_ctl: 2, io_uring_enter: 1, io_uring_register: 1 }[name] ?? 0;
}

/** What a successful call found ready; undefined for a call that looks for nothing. */
export function readyOf(name: string, args: Arguments, result: unknown): string | undefined {
  const found = FOUND[name]?.(args, Number(result));
  if (found === undefined || Number(result) <= 0) return undefined;
  const shown: string[] = [];
  for (const [fd, events] of found) {
    if (shown.push(`${fd} ${events}`) === MOST) break;
  }
  return shown.join(", ") + (Number(result) > shown.length ? ", …" : "");
}

/** All that a successful call found, such as `POLLIN 7,9-12; POLLOUT 8`; undefined if nothing. */
export function foundOf(name: string, args: Arguments, result: unknown): string | undefined {
  const found = FOUND[name]?.(args, Number(result));
  return found && Number(result) > 0 ? rangesOf(found) : undefined;
}

/** All that a call will wait for, in the same way; undefined where its arguments do not say it. */
export function watchedOf(name: string, args: Arguments): string | undefined {
  const watched = WATCHED[name]?.(args);
  return watched && rangesOf(watched);
}

function rangesOf(descriptors: Iterable<Ready>): string {
  const groups = new Map<string, number[]>();
  for (const [fd, events] of descriptors) {
    const group = groups.get(events);
    if (group === undefined) groups.set(events, [fd]);
    else group.push(fd);
  }
  return [...groups].map(([events, fds]) => {
    const ranges: string[] = [];
    fds.sort((a, b) => a - b);
    for (let i = 0, first = 0; i < fds.length; i++) {
      if (fds[i + 1] === fds[i] + 1) continue;
      ranges.push(first === i ? `${fds[i]}` : `${fds[first]}-${fds[i]}`);
      first = i + 1;
    }
    return `${events} ${ranges.join()}`;
  }).join("; ");
}

function at(index: number): Shown {
  return (args) => Number(args[index]);
}

/** The constants of a module whose names match. */
function constantsOf(module: object, pattern: RegExp): [name: string, value: number][] {
  const found = Object.entries({ ...module }).filter(([name]) => pattern.test(name));
  return (found as [string, number][]).sort(([, a], [, b]) => a - b);
}

function nameAt(index: number, module: object, pattern: RegExp): Shown {
  const names = new Map(constantsOf(module, pattern).map(([name, value]) => [value, name]));
  return (args) => names.get(args[index]) ?? args[index];
}

/** The function that names the bits of a number; what has no name is a number. */
function flags(module: object, pattern: RegExp): (bits: number) => string {
  const known = constantsOf(module, pattern).filter(([, value]) => value !== 0);
  return (bits) => {
    const names: string[] = [];
    for (const [name, value] of known) {
      if ((bits & value) >>> 0 !== value) continue;
      names.push(name);
      bits = (bits & ~value) >>> 0;
    }
    if (bits !== 0 || names.length === 0) names.push(String(bits));
    return names.join("|");
  };
}

/** Flags are left out where there are none. */
function flagsAt(index: number, module: object, pattern: RegExp): Shown {
  const textOf = flags(module, pattern);
  return (args) => args[index] === 0 ? undefined : textOf(args[index]);
}

const statusFlags = flags({ ...descriptors, ...signal }, /^O_(NONBLOCK|ASYNC|APPEND|RDWR)$/);
const levels = new Map([[socket.SOL_SOCKET, /^SO_/], [socket.IPPROTO_TCP, /^TCP_/]]);
const options = new Map(
  [...levels].map(([level, pattern]) => [level, nameAt(2, { ...socket, ...recvmsg }, pattern)]),
);

function option(args: Arguments): Value | undefined {
  return (options.get(args[1]) ?? at(2))(args);
}

/** The last argument of fcntl, which means different things. */
function argument([, command, value]: Arguments): Value {
  return command === descriptors.F_SETFL ? statusFlags(value) : value;
}

function addressAt(index: number): Shown {
  return (args) => {
    const bytes: Uint8Array = args[index];
    return `${bytes.subarray(4, 8).join(".")}:${bytes[2] << 8 | bytes[3]}`;
  };
}

/** Seconds, from the two words of a `struct timespec`. */
function timespec(words: BigInt64Array, index: number): string {
  return `${time.milliseconds(words[index], words[index + 1]) / 1000} s`;
}

function textIn(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function numbersOf(name: string): Record<string, Shown> {
  return Object.fromEntries(
    prototypes[name].parameters.flatMap((type, index) =>
      type === "i32" || type === "u32" ? [[`argument ${index + 1}`, at(index)]] : []
    ),
  );
}
