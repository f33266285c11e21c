/**
 * Lesson 20 · A loop for each core: how many loops there are, and what they count.
 *
 * The counts are in memory that all threads share, and only Atomics changes them: if two threads
 * added to a number at the same time in any other way, one of the additions could be lost.
 *
 * @module
 */

import { getrlimit, RLIMIT_NOFILE } from "../../shared/linux/descriptors.ts";
import { number, type Option } from "../../shared/options.ts";

/** The option `--loops`: as many as cores, unless it is given. */
export function loopsOption(): Option<number> {
  // The engine of a thread opens six descriptors, and its loop needs two.
  const most = Math.min(100, Math.floor((getrlimit(RLIMIT_NOFILE).soft - 40) / 8));
  return number(Math.min(navigator.hardwareConcurrency, most), "how many event loops", 1, most);
}

/** Waits for the next message of a thread: that it is ready, or that its loop has ended. */
export function messageOf(thread: Worker): Promise<unknown> {
  return new Promise((resolve) => thread.onmessage = resolve);
}

// For all loops together: how many clients are connected, how many have gone, and after how many of
// these the server ends.
const CONNECTED = 0;
const GONE = 1;
const MOST = 2;
// From here on, two numbers for each loop: how many clients it got, and how often a client that
// connected woke it up.
const EACH = 3;

/** Memory for the counts, which can be posted to the threads. */
export function countsFor(options: { loops: number; connections: number }): Int32Array {
  const { loops, connections } = options;
  const counts = new Int32Array(new SharedArrayBuffer(4 * (EACH + 2 * loops)));
  counts[MOST] = Math.min(connections, 2 ** 31 - 1);
  return counts;
}

/** A loop gets a client. */
export function countClient(counts: Int32Array, loop: number): void {
  Atomics.add(counts, CONNECTED, 1);
  Atomics.add(counts, EACH + 2 * loop, 1);
}

/** A loop was woken up, since a client had connected. */
export function countWakeUp(counts: Int32Array, loop: number): void {
  Atomics.add(counts, EACH + 2 * loop + 1, 1);
}

/**
 * A client has gone. If no other is connected, prints how many each loop had since the last time
 * that none was. Returns whether the server has to end now.
 */
export function countGone(counts: Int32Array): boolean {
  if (Atomics.sub(counts, CONNECTED, 1) === 1) report(counts);
  Atomics.add(counts, GONE, 1);
  return isOver(counts);
}

/** Whether as many clients have gone as the server has to serve. */
export function isOver(counts: Int32Array): boolean {
  return Atomics.load(counts, GONE) >= counts[MOST];
}

function report(counts: Int32Array) {
  const taken = Array.from(counts.subarray(EACH), (_, i) => Atomics.exchange(counts, EACH + i, 0));
  const [clients, wakeUps] = [0, 1].map((kind) => taken.filter((_, i) => i % 2 === kind));
  const [all, woken] = [clients, wakeUps].map((own) => own.reduce((sum, count) => sum + count));
  console.log(
    `${all} connections, by loop: ${clients.join(", ")}; ${woken} wake-ups to accept them`,
  );
}
