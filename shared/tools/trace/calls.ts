/**
 * The calls of a thread into libc, one event for each. What fails again and again becomes one event
 * with a count: a server that polls would otherwise write a gigabyte a minute.
 *
 * @module
 */

import { errno, setErrno, strerror } from "../../linux/errno.ts";
import { type Libc, libc, PROTOTYPES } from "../../linux/libc.ts";
import { errnoName } from "../../linux/names.ts";
import { SOCKADDR_IN_SIZE } from "../../linux/socket.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_THREAD_CPUTIME_ID } from "../../linux/time.ts";
import type { Hook, Recorder, TraceEvent } from "./events.ts";
import { ringHooks } from "./ring.ts";

/** Which arguments are shown, by name and place; of other functions, all that are numbers. */
const SHOWN: { [Name in keyof Libc]?: Record<string, number> } = {
  accept4: { fd: 0 },
  bind: { fd: 0 },
  close: { fd: 0 },
  connect: { fd: 0 },
  epoll_create1: { flags: 0 },
  epoll_ctl: { epfd: 0, operation: 1, fd: 2 },
  epoll_wait: { epfd: 0, capacity: 2, timeout: 3 },
  fcntl: { fd: 0, command: 1, argument: 2 },
  fcntl_pointer: { fd: 0, command: 1 },
  getsockname: { fd: 0 },
  getsockopt: { fd: 0, level: 1, name: 2 },
  io_uring_enter: { fd: 1, submit: 2, minimum: 3 },
  io_uring_register: { fd: 1, operation: 2 },
  io_uring_setup: { entries: 1 },
  listen: { fd: 0, backlog: 1 },
  mmap: { length: 1, fd: 4, offset: 5 },
  munmap: { length: 1 },
  poll: { length: 1, timeout: 2 },
  read: { fd: 0, length: 2 },
  recv: { fd: 0, length: 2 },
  recvmsg: { fd: 0, flags: 2 },
  select: { nfds: 0 },
  send: { fd: 0, length: 2 },
  setsockopt: { fd: 0, level: 1, name: 2 },
  shutdown: { fd: 0, how: 1 },
  socket: { domain: 0, type: 1, protocol: 2 },
};

// These three make no system call: the first two only read memory, and the third asks the vDSO.
const NO_SYSTEM_CALLS = ["__errno_location", "strerror", "clock_gettime"];

/**
 * The functions that make system calls. In the order of the prototypes: that of what dlopen returns
 * differs from thread to thread.
 */
export const systemCalls: readonly (keyof Libc)[] = (Object.keys(PROTOTYPES) as (keyof Libc)[])
  .filter((name) => !NO_SYSTEM_CALLS.includes(name));

/** Error numbers of Linux are smaller than this. */
export const ERRORS = 134;

/** Microseconds. What takes longer was a wait, or a time in which the program did other things. */
const LONG = 1000;
/** Microseconds after which a run of failing calls is recorded although it goes on. */
const LONGEST_RUN = 100_000;
/** In the place of a descriptor: the calls of a run were about more than one. */
const SEVERAL = -2;

// The plain functions, also when there are wrappers in the place of others. The halves of a
// timespec are read as 32 bits each, since 64 would be bigints: this is done twice for every call.
const { clock_gettime, getpeername, gettid } = libc;
const timespec = new Uint32Array(4);

function clock(id: number): number {
  clock_gettime(id, timespec);
  return timespec[0] * 1e6 + timespec[2] / 1e3;
}

/**
 * From a clock that is never set back to the time of day, so that processes can be compared. If the
 * thread has to wait between the two readings, the difference comes out smaller: the largest of
 * several is right.
 */
const epoch = Math.max(
  ...Array.from({ length: 10 }, () => clock(CLOCK_REALTIME) - clock(CLOCK_MONOTONIC)),
);

/** Microseconds since 1970, on a clock that is not set back. */
export function now(): number {
  return epoch + clock(CLOCK_MONOTONIC);
}

/** The calls of one thread. */
class Calls {
  readonly #record: Recorder;
  readonly #pid = Deno.pid;
  readonly #tid = gettid();

  // A run of failing calls: how many there were of each kind, which is a function and an error.
  readonly #counts = new Uint32Array(systemCalls.length * ERRORS);
  readonly #fds = new Int32Array(this.#counts.length);
  readonly #first = new Map<number, TraceEvent>();
  #runStart = 0;
  #runEnd = 0;

  #end = now(); // of the last call
  #sampled = this.#end; // when the thread's CPU time was last looked at,
  #cpu = clock(CLOCK_THREAD_CPUTIME_ID); // and what it was

  constructor(record: Recorder) {
    this.#record = record;
  }

  /** Before a call: says whether the thread has computed since the last one, or done nothing. */
  begin(start: number): void {
    if (start - this.#end > LONG) this.#pause(start);
  }

  /** After a call that has succeeded. */
  succeeded(event: TraceEvent): void {
    if (this.#first.size > 0) this.#endRun();
    this.#record(event);
  }

  /** Whether a failing call only goes on with the run; if not, `failed` has to be told of it. */
  repeats(kind: number, fd: number, start: number, end: number): boolean {
    if (this.#counts[kind] === 0) return false;
    if (this.#isOver(start, end)) return false;
    this.#counts[kind]++;
    this.#runEnd = end;
    if (this.#fds[kind] !== fd) this.#fds[kind] = SEVERAL;
    return true;
  }

  /** After a call that has failed, and is the first of its kind in a run. */
  failed(kind: number, fd: number, event: TraceEvent): void {
    const { ts, dur = 0 } = event;
    if (this.#first.size > 0 && this.#isOver(ts, ts + dur)) this.#endRun();
    if (this.#first.size === 0) this.#runStart = ts;
    this.#runEnd = ts + dur;
    this.#first.set(kind, event);
    this.#fds[kind] = fd;
    this.#counts[kind] = 1;
  }

  /** Whether a failing call is no part of the run, which has become long enough or has paused. */
  #isOver(start: number, end: number): boolean {
    return start - this.#runEnd > LONG || end - start > LONG || end - this.#runStart > LONGEST_RUN;
  }

  /** After each call. */
  end(start: number, end: number): void {
    this.#end = end;
    if (end - start > LONG) this.#sample(end);
  }

  event(name: string, start: number, end: number, args: TraceEvent["args"]): TraceEvent {
    const dur = end - start;
    return { name, cat: "call", ph: "X", pid: this.#pid, tid: this.#tid, ts: start, dur, args };
  }

  /** A run in which only one call has failed is that call; else all of it is told of each kind. */
  #endRun() {
    for (const [kind, event] of this.#first) {
      const count = this.#counts[kind];
      this.#counts[kind] = 0;
      if (count > 1 || this.#first.size > 1) {
        event.ts = this.#runStart;
        event.dur = this.#runEnd - this.#runStart;
        event.args.count = count;
        if (this.#fds[kind] === SEVERAL) event.args.fd = "several";
      }
      this.#record(event);
    }
    this.#first.clear();
  }

  /**
   * There were no calls for a while. The kernel knows how much of that time the thread was running,
   * but to ask takes as long as a call: so it is asked only now, and what the thread can have used
   * before, in between short calls, is taken off.
   */
  #pause(start: number) {
    const [end, sampled, cpu] = [this.#end, this.#sampled, this.#cpu];
    this.#sample(start);
    const used = this.#cpu - cpu - (end - sampled);
    if (used < (start - end) / 2) return;
    if (this.#first.size > 0) this.#endRun();
    const event = this.event("computing", end, start, { cpu: Math.round(used) });
    this.#record({ ...event, cat: "computing" });
  }

  #sample(time: number) {
    this.#sampled = time;
    this.#cpu = clock(CLOCK_THREAD_CPUTIME_ID);
  }
}

/**
 * Records from now on what this thread asks of the kernel: puts a wrapper in the place of each
 * function of `libc`.
 *
 * @param counts The table of `countCalls`, if the calls shall be counted as well.
 */
export function traceCalls(record: Recorder, counts?: Uint32Array<ArrayBuffer>): void {
  const calls = new Calls(record);
  const hooks: { [name: string]: Hook } = {
    ...ringHooks(record),
    accept4: { extra: (_, fd) => ({ peer: peerOf(fd as number) }) },
  };
  systemCalls.forEach((name, row) => wrap(name, row * ERRORS, calls, counts, hooks[name]));
  traceSignals(record);
}

function wrap(
  name: keyof Libc,
  kind: number,
  calls: Calls,
  counts: Uint32Array<ArrayBuffer> | undefined,
  hook: Hook | undefined,
): void {
  // deno-lint-ignore no-explicit-any -- one wrapper serves functions of every type
  const functions = libc as Record<string, (...args: any[]) => unknown>;
  const original = functions[name];
  const shown = SHOWN[name] ?? numbersOf(name);
  const [keys, places] = [Object.keys(shown), Object.values(shown)];
  const fdAt = SHOWN[name]?.fd ?? 0;
  const called = name.replace("_pointer", ""); // one function of C with two prototypes here

  function argumentsOf(args: unknown[]): TraceEvent["args"] {
    const result: TraceEvent["args"] = {};
    for (let i = 0; i < keys.length; i++) result[keys[i]] = Number(args[places[i]]);
    return result;
  }

  functions[name] = (...args) => {
    const start = now();
    calls.begin(start);
    hook?.before?.(args, start);
    const result = original(...args);
    const number = result === -1 ? errno() : 0;
    const end = now();
    if (counts) Atomics.add(counts, kind + number, 1);
    if (number === 0) {
      const event = calls.event(called, start, end, argumentsOf(args));
      event.args.result = typeof result === "number" ? result : addressText(result);
      if (hook?.extra) Object.assign(event.args, hook.extra(args, result));
      calls.succeeded(event);
      hook?.after?.(args, result, end);
    } else {
      if (!calls.repeats(kind + number, args[fdAt], start, end)) {
        const error = `${errnoName(number)} (${strerror(number)})`;
        const shown = { ...argumentsOf(args), result: -1, error };
        calls.failed(kind + number, args[fdAt], calls.event(called, start, end, shown));
      }
      // The caller will read errno, and must not see what came of anything in between.
      setErrno(number);
    }
    calls.end(start, end);
    return result;
  };
}

const address = new Uint8Array(SOCKADDR_IN_SIZE);
const addressLength = new Uint32Array(1);

/** The port of a new client, by which it can be found among the clients' own events. */
function peerOf(fd: number): number {
  addressLength[0] = address.length;
  if (getpeername(fd, address, addressLength) === -1) return 0; // it has gone already
  return address[2] << 8 | address[3];
}

function numbersOf(name: keyof Libc): Record<string, number> {
  return Object.fromEntries(
    PROTOTYPES[name].parameters.flatMap((type, place) =>
      type === "i32" || type === "u32" ? [[`argument ${place + 1}`, place]] : []
    ),
  );
}

function addressText(result: unknown): string {
  return `0x${Deno.UnsafePointer.value(result as Deno.PointerValue).toString(16)}`;
}

/** Signals that the script listens to: an instant whenever its listener is called. */
function traceSignals(record: Recorder) {
  const { addSignalListener, removeSignalListener } = Deno;
  const tid = gettid();
  // A listener is removed by itself, so each has one wrapper for each signal.
  const wrappers = new WeakMap<() => void, Map<Deno.Signal, () => void>>();
  Deno.addSignalListener = (signal, handler) => {
    const own = wrappers.get(handler) ?? new Map<Deno.Signal, () => void>();
    const wrapper = own.get(signal) ?? (() => {
      const event = { name: signal, cat: "signal", ph: "i", s: "t", pid: Deno.pid, tid } as const;
      record({ ...event, ts: now(), args: {} });
      handler();
    });
    wrappers.set(handler, own.set(signal, wrapper));
    addSignalListener(signal, wrapper);
  };
  Deno.removeSignalListener = (signal, handler) => {
    removeSignalListener(signal, wrappers.get(handler)?.get(signal) ?? handler);
  };
}
