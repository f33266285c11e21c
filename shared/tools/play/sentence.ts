/**
 * What happens at a time of a run, in words.
 *
 * @module
 */

import { keyOf } from "../lesson/lanes.ts";
import type { TraceEvent } from "../trace/events.ts";
import {
  callsAt,
  type Connection,
  descriptorsIn,
  lastCall,
  type Model,
  RECEIVES,
  SENDS,
  stateOf,
  type Thread,
} from "./model.ts";
import { lastAt } from "./series.ts";

/** Microseconds. A call that takes longer has waited. */
export const LONG = 1000;

/** What happens at a time: what the server does, and for whom that means waiting. */
export function sentenceOf(model: Model, time: number): string {
  const clauses = [whatRuns(model, time), whoIsLeft(model, time), whoWaits(model, time)];
  return clauses.filter((clause) => clause !== "").map((clause) => `${capitalized(clause)}.`).join(
    " ",
  );
}

/** A clause as the beginning of a sentence; a call keeps its name. */
function capitalized(clause: string): string {
  return /^\w+\(|^\w*_/.test(clause) ? clause : clause[0].toUpperCase() + clause.slice(1);
}

function whatRuns(model: Model, time: number): string {
  const threads = model.threads.filter((thread) => isAlive(thread, time));
  const running = model.coroutines.find(({ running }) => running.at(time));
  if (model.listeners.length === 0 && model.connections.length > 0) {
    return "what the server does inside Deno's own sockets cannot be seen from outside";
  }
  if (threads.length === 0) {
    if (running !== undefined) return `coroutine ${running.name} runs`;
    const waiting = model.coroutines.filter(({ begin, end }) => begin <= time && time < end).length;
    return waiting === 0 ? "" : `no coroutine runs: ${written(waiting)} wait`;
  }
  // Where there are several, the one that does something is more interesting than those that sleep,
  // and these than one in whose calls nobody can see.
  const shown = threads.find((thread) => !sleeps(thread, time) && !isIdle(thread, time)) ??
    threads.find((thread) => sleeps(thread, time)) ?? threads[0];
  const kind = model.processes.length === 0 ? "thread" : "process";
  const who = threads.length === 1
    ? `the ${kind}`
    : shown === model.threads[0]
    ? kind === "thread" ? "the main thread" : "the first process"
    : shown.name;
  const what = whatItDoes(model, shown, who, time);
  const others = threads.filter((thread) => thread !== shown && sleeps(thread, time)).length;
  const all = running === undefined
    ? what
    : callsAt(shown, time).length === 0
    ? `coroutine ${running.name} runs`
    : `coroutine ${running.name} runs: ${what}`;
  return all +
    (others === 0
      ? ""
      : `; ${written(others)} other ${others === 1 ? `${kind} sleeps` : `${PLURAL[kind]} sleep`}`);
}

const PLURAL = { thread: "threads", process: "processes" };

/** Which processes have ended, while their parent has yet to ask how. */
function whoIsLeft({ processes }: Model, time: number): string {
  return processes.filter(({ ended, reaped }) => ended <= time && time < reaped)
    .map(({ name, how }) =>
      `${name} has ended with ${how}, and is a zombie until its parent calls waitpid`
    ).join("; ");
}

/** Whether a thread has begun, and has more to do. */
export function isAlive({ begins, calls, ended }: Thread, time: number): boolean {
  const last = calls[calls.length - 1];
  return begins[0] <= time && time < ended && time <= last.ts + (last.dur ?? 0) + LONG;
}

/** Whether a thread is in no call, and will be in none for a while. */
export function isIdle(thread: Thread, time: number): boolean {
  if (callsAt(thread, time).length > 0) return false;
  const at = lastAt(thread.begins, time);
  const next = thread.begins[at + 1] ?? Infinity;
  return next - time > LONG && thread.calls[at]?.cat === "call";
}

/** Whether a thread is in a call that waits. */
export function sleeps(thread: Thread, time: number): boolean {
  return callsAt(thread, time).some(waits);
}

/** Whether a call waits: it took long, and others did not have its core meanwhile. */
export function waits({ dur = 0, args }: TraceEvent): boolean {
  return dur > LONG && args.preempted === undefined && args.count === undefined;
}

function whatItDoes(model: Model, thread: Thread, who: string, time: number): string {
  const calls = callsAt(thread, time);
  if (calls.length === 0) {
    const last = lastCall(thread, time);
    if (isIdle(thread, time)) return `${who} is in no call that was recorded`;
    return last === undefined ? `${who} begins` : `${who} goes on after ${last.name}`;
  }
  const polling = calls.filter(({ args }) => String(args.error).startsWith("EAGAIN"));
  if (polling.length > 0) return whatItPolls(polling, who);
  return whatCallDoes(model, calls[0], who, time);
}

function whatItPolls(calls: TraceEvent[], who: string): string {
  const count = calls.reduce((sum, { args: { count = 1 } }) => sum + Number(count), 0);
  const names = [...new Set(calls.map(({ name }) => name))].join(" and ");
  if (count === 1) return `${shownAs(calls[0])} returns EAGAIN at once: ${whyAgain(names)}`;
  if (count < 10) return `${who} gets EAGAIN ${count} times from ${names}`;
  return `${who} never rests: it calls ${names} again and again, ` +
    `${written(count)} times EAGAIN in these ${milliseconds(calls[0].dur ?? 0)}`;
}

function whyAgain(name: string): string {
  if (name === "splice") return "nothing is there, or no room";
  return SENDS.includes(name) ? "there is no room" : "nothing is there";
}

/** A call as it is named in a sentence. */
function shownAs({ name, args: { fd, from, to } }: TraceEvent): string {
  if (name === "splice") return `splice(${from}, ${to})`;
  return fd === undefined ? name : `${name}(${fd})`;
}

function whatCallDoes(model: Model, call: TraceEvent, who: string, time: number): string {
  const { name, cat, pid, args, ts } = call;
  if (cat === "computing") return `${who} computes`;
  const { fd } = args;
  const result = Number(args.result);
  const shown = shownAs(call);
  const connection = connectionAt(model, pid, fd, time);
  const client = connection?.name ?? "the other side";
  if (name === "accept4") {
    if (waits(call)) return `${who} sleeps in ${shown} until a client connects`;
    const taken = model.connections.find((own) =>
      own.fd === result && own.pid === pid && own.accepted >= ts
    );
    return `${shown} takes ${taken?.name ?? "a client"} out of the accept queue`;
  }
  if (connection !== undefined && RECEIVES.includes(name)) {
    const isThere = connection.toServer.waiting(time) > 0 || connection.ended <= time;
    if (waits(call) && !isThere) {
      return `phase 1: ${who} sleeps in ${shown} until ${client} sends something`;
    }
    if (result <= 0) return `${shown} returns ${result}: ${client} has finished sending`;
    return `phase 2: ${shown} copies ${bytes(result)} of ${client} out of the kernel`;
  }
  if (connection !== undefined && SENDS.includes(name)) {
    if (waits(call)) return `${who} sleeps in ${shown}: ${client} does not read, and has no room`;
    return `${shown} hands ${bytes(result)} for ${client} to the kernel`;
  }
  if (name === "splice") return whatSpliceDoes(model, call, time);
  if (name === "epoll_wait") return whatEpollDoes(model, call, who, time);
  if (name === "select" || name === "poll") return whatScanDoes(call, who);
  if (name === "io_uring_enter") return whatRingDoes(model, call, who, time);
  if (name === "epoll_ctl") {
    const verb = { EPOLL_CTL_ADD: "adds", EPOLL_CTL_MOD: "changes", EPOLL_CTL_DEL: "removes" }[
      String(args.operation)
    ];
    return `epoll_ctl ${verb} descriptor ${fd} in the kernel's list`;
  }
  if (name === "close" && fd !== undefined) return `close(${fd}) ends the connection`;
  return waits(call) ? `${who} sleeps in ${shown}` : `${who} calls ${shown}`;
}

/** The connection that a descriptor of a process belongs to at a time. */
function connectionAt(
  { connections }: Model,
  pid: number,
  fd: unknown,
  time: number,
): Connection | undefined {
  return connections.findLast((own) =>
    own.fd === fd && own.pid === pid && own.accepted <= time && time <= own.closed
  );
}

function whatSpliceDoes(model: Model, call: TraceEvent, time: number): string {
  const { pid, args: { from, to, result } } = call;
  const [source, target] = [from, to].map((fd) => connectionAt(model, pid, fd, time)?.name);
  const shown = shownAs(call);
  if (result === 0) return `${shown} returns 0: ${source ?? "the upstream"} has finished sending`;
  const moved = `${shown} moves ${bytes(Number(result))}`;
  if (source !== undefined) return `${moved} of ${source} into a pipe, inside the kernel`;
  if (target !== undefined) return `${moved} for ${target} out of a pipe, inside the kernel`;
  return `${moved} inside the kernel`;
}

function whatEpollDoes(model: Model, call: TraceEvent, who: string, time: number): string {
  const { args: { epfd, result } } = call;
  const epoll = model.epolls.findLast(({ fd, made }) => fd === epfd && made <= time);
  const watched = [...epoll?.interest.values() ?? []].filter((one) => one.at(time)).length;
  const all = counted(watched, "descriptor");
  if (waits(call)) return `phase 1 for ${all} at once: ${who} sleeps in epoll_wait`;
  return `epoll_wait returns the ${written(Number(result))} that are ready; ` +
    `nobody looks at the other ${written(Math.max(0, watched - Number(result)))}`;
}

function whatScanDoes(call: TraceEvent, who: string): string {
  const { name, args: { watched, result } } = call;
  const all = counted(watched ? descriptorsIn(String(watched)).size : 0, "descriptor");
  if (waits(call)) return `phase 1 for ${all} at once: ${who} sleeps in ${name}`;
  return `${name} looks at all ${all}, and finds ${written(Number(result))} ready`;
}

function whatRingDoes(model: Model, call: TraceEvent, who: string, time: number): string {
  const underWay = model.operations.filter(({ begin, end }) => begin <= time && time < end).length;
  if (waits(call)) {
    return `${who} sleeps in io_uring_enter, while the kernel works on ${
      counted(underWay, "operation")
    }`;
  }
  const { submit, completed } = call.args;
  return `io_uring_enter hands over ${counted(Number(submit), "operation")}, ` +
    `and ${written(Number(completed))} ${completed === 1 ? "is" : "are"} done`;
}

/** For whom what the server does means waiting. */
function whoWaits({ connections, listeners, threads }: Model, time: number): string {
  if (listeners.length === 0) return "";
  // Those bytes that a call is copying wait no more.
  const copied = new Set(
    threads.flatMap((thread) => callsAt(thread, time))
      .map(({ pid, args: { fd } }) => keyOf(pid, Number(fd))),
  );
  let [first, since]: [Connection | undefined, number] = [undefined, Infinity];
  let others = 0;
  for (const connection of connections) {
    if (!(connection.connected <= time && time < connection.closed)) continue;
    if (connection.accepted <= time && copied.has(keyOf(connection.pid, connection.fd))) continue;
    if (connection.toServer.waiting(time) === 0) continue;
    const own = connection.toServer.since(time);
    if (time - own < LONG) continue;
    if (first !== undefined) others++;
    if (own < since) [first, since] = [connection, own];
  }
  if (first !== undefined) {
    const more = others === 0 ? "" : `, and those of ${counted(others, "other client")}`;
    const isQueued = stateOf(first, time) === "queued";
    const where = isQueued ? ", which is in the accept queue," : "";
    return `${bytes(first.toServer.waiting(time))} of ${first.name}${where} ` +
      `have been waiting in the kernel for ${milliseconds(time - since)}${more}`;
  }
  const queue = connections.filter((own) =>
    stateOf(own, time) === "queued" && time - own.connected >= LONG
  );
  if (queue.length === 0) return "";
  const more = queue.length === 1 ? "" : `, and ${counted(queue.length - 1, "other client")}`;
  return `${queue[0].name} has been in the accept queue for ${
    milliseconds(time - queue[0].connected)
  }${more}`;
}

/** So many bytes: `5 bytes`. */
export function bytes(number: number): string {
  return counted(number, "byte");
}

function counted(number: number, what: string): string {
  return `${written(number)} ${what}${number === 1 ? "" : "s"}`;
}

/**
 * A number as people write it: `1,024`. What the language has for this, and for the order of names,
 * loads its data first, which took a tenth of the time until the page was shown.
 */
export function written(number: number | string): string {
  return String(number).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Microseconds as milliseconds: `0.012 ms`, `312 ms`. */
export function milliseconds(time: number): string {
  const digits = time < 1000 ? 3 : time < 100_000 ? 1 : 0;
  return `${written(Number((time / 1000).toFixed(digits)))} ms`;
}
