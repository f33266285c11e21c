/**
 * Lesson 17 · What people say: C25, about the number of threads.
 *
 * The same 64 tasks are divided among 1 thread, one for each core, and four for each core. First a
 * task is a computation, then it is a wait. The threads have begun before the clock starts, and the
 * best of eight rounds counts, since other programs want the cores as well.
 *
 * Run:  deno run lessons/17-claims/c25-more-threads.ts
 * Man:  pthreads(7), sched(7)
 */

import { conclude } from "./verdict.ts";

const TASKS = 64;
const cores = navigator.hardwareConcurrency;
const counts = [1, cores, 4 * cores];

// What each thread does: the tasks that it is sent, one after another.
const code = `
const nothing = new Int32Array(new SharedArrayBuffer(4));
self.onmessage = ({ data: { kind, tasks } }) => {
  for (let i = 0; i < tasks; i++) {
    if (kind === "wait") Atomics.wait(nothing, 0, 0, 2);
    else for (let k = 0, x = 1; k < 1_000_000; k++) x = Math.imul(x, 48271) ^ k;
  }
  self.postMessage(tasks);
};`;
const url = `data:text/javascript,${encodeURIComponent(code)}`;
const threads = Array.from({ length: Math.max(...counts) }, () => {
  return new Worker(url, { type: "module" });
});
for (const kind of ["compute", "wait"]) await all(threads, kind, 10); // compiles the code

const [computing, waiting] = [await times("compute"), await times("wait")];
for (const thread of threads) thread.terminate();

const [, ofCores, ofMany] = computing.map((time) => computing[0] / time);
const waits = waiting[0] / waiting[2];
const factors = `${counts[2]} threads compute ${ofMany.toFixed(1)} times as fast as 1, ` +
  `and wait ${waits.toFixed(1)} times as fast`;
conclude(
  "C25",
  [
    `${TASKS} computations, by numbers of threads: ${row(computing)}`,
    `${TASKS} waits of 2 ms, by numbers of threads: ${row(waiting)}`,
    `cores of this machine: ${cores}`,
  ],
  ofMany > 1.5 * ofCores
    ? `true: ${factors}`
    : waits > 1.5 * ofMany
    ? `it depends on what they do: ${factors}`
    : `false: ${factors}`,
);

/** How long all tasks take with each number of threads, in milliseconds: the best of eight. */
async function times(kind: string): Promise<number[]> {
  const best = counts.map(() => Infinity);
  for (let i = 0; i < 8 * counts.length; i++) {
    const [at, start] = [i % counts.length, performance.now()];
    await all(threads.slice(0, counts[at]), kind, TASKS);
    best[at] = Math.min(best[at], performance.now() - start);
  }
  return best;
}

/** Divides tasks among threads, and waits until all are done. */
function all(threads: readonly Worker[], kind: string, tasks: number) {
  return Promise.all(threads.map((thread, i) => {
    const own = Math.floor((tasks * (i + 1)) / threads.length) -
      Math.floor((tasks * i) / threads.length);
    thread.postMessage({ kind, tasks: own });
    return new Promise((done) => thread.onmessage = done);
  }));
}

function row(times: readonly number[]): string {
  return times.map((time, i) => `${counts[i]} in ${time.toFixed(0)} ms`).join(", ");
}
