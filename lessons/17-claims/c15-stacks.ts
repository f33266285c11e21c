/**
 * Lesson 17 · What people say: C15, about the memory of a thread.
 *
 * What is meant is its stack. The engine has threads of its own, and a Worker is one more. In /proc
 * the kernel tells where each thread's stack pointer is, and for each mapping how large it is and
 * how much of it is in memory.
 *
 * Run:  deno run -A lessons/17-claims/c15-stacks.ts
 * Man:  pthread_create(3), proc_pid_syscall(5), proc_pid_smaps(5)
 */

import { conclude } from "./verdict.ts";

const idle = "data:text/javascript,postMessage('ready'); onmessage = () => {}";
const worker = new Worker(idle, { type: "module" });
await new Promise((resolve) => worker.onmessage = resolve);

const mappings = Deno.readTextFileSync("/proc/self/smaps").split(/^(?=\w+-\w+ )/m);
const threads = [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) => {
  if (Number(name) === Deno.pid) return []; // the main thread's stack is the process's
  const folder = `/proc/self/task/${name}`;
  const pointer = stackPointer(Deno.readTextFileSync(`${folder}/syscall`));
  const mapping = mappings.find((mapping) => holds(mapping, pointer));
  if (mapping === undefined) return []; // it runs at the moment
  const [size, resident] = ["Size", "Rss"].map((field) => kibibytes(mapping, field));
  return [{ name: Deno.readTextFileSync(`${folder}/comm`).trim(), size, resident }];
});
worker.terminate();

threads.sort((a, b) => b.size - a.size);
const [{ size, resident }] = threads;
conclude(
  "C15",
  threads.map(({ name, size, resident }) =>
    `${name.padEnd(15)} ${`${size}`.padStart(5)} KiB of addresses, ` +
    `${`${resident}`.padStart(4)} KiB in memory`
  ),
  resident < size / 10
    ? `false: ${size / 1024} MiB are addresses set aside, of which ${resident} KiB are in memory`
    : `true: ${resident} KiB of the stack are in memory`,
);

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
