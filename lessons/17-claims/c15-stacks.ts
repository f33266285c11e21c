/**
 * Lesson 17 · What people say: C15, about the memory of a thread.
 *
 * The claim is about its stack. The engine has threads of its own, and a Worker is one more. The
 * kernel shows in /proc where each thread's stack pointer is; and for each mapping, how large it is
 * and how much of it is in memory.
 *
 * Run:  deno run -A lessons/17-claims/c15-stacks.ts
 * Man:  pthread_create(3), proc_pid_syscall(5), proc_pid_smaps(5)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { readThreads } from "../../shared/tools/process/proc.ts";
import { conclude } from "./verdict.ts";

interface Stack {
  thread: string;
  size: number;
  resident: number;
}

const idle = "data:text/javascript,postMessage('ready'); onmessage = () => {}";
const worker = new Worker(idle, { type: "module" });
await new Promise((resolve) => worker.onmessage = resolve);

let stacks = look();
// A thread that is running shows no stack pointer, so look again until the Worker's one sleeps.
for (let i = 0; i < 500 && !stacks.some(({ thread }) => thread.startsWith("worker")); i++) {
  await sleep(10);
  stacks = look();
}
worker.terminate();

const [{ size, resident }] = stacks;
conclude(
  "C15",
  stacks.map(({ thread, size, resident }) =>
    `${thread.padEnd(15)} ${`${size}`.padStart(5)} KiB of addresses, ` +
    `${`${resident}`.padStart(4)} KiB in memory`
  ),
  resident < size / 10
    ? `false: ${size / 1024} MiB of addresses are reserved, of which ${resident} KiB are in memory`
    : `true: ${resident} KiB of the stack are in memory`,
);

/** The stacks of all threads that sleep, except for the main thread, the largest first. */
function look(): Stack[] {
  const mappings = Deno.readTextFileSync("/proc/self/smaps").split(/^(?=\w+-\w+ )/m);
  const threads = readThreads(Deno.pid, "syscall", "comm");
  threads.delete(`${Deno.pid}`); // the main thread's stack is the process's
  return [...threads.values()].flatMap(([call, name]) => {
    const mapping = mappings.find((mapping) => holds(mapping, stackPointer(call)));
    if (mapping === undefined) return [];
    const [size, resident] = ["Size", "Rss"].map((field) => kibibytes(mapping, field));
    return [{ thread: name.trim(), size, resident }];
  }).sort((a, b) => b.size - a.size);
}

/** The last word but one of lines such as `202 0x7f… 0x189 0x0 0x0 0x0 0x5 0x7ffe… 0x7f…`. */
function stackPointer(line: string): number {
  return Number(line.trim().split(" ").at(-2));
}

function holds(mapping: string, address: number): boolean {
  const [start, end] = /^(\w+)-(\w+)/.exec(mapping)!.slice(1).map((text) => parseInt(text, 16));
  return address >= start && address < end;
}

function kibibytes(mapping: string, field: string): number {
  return Number(new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(mapping)![1]);
}
