/**
 * The classic schemes of servers, with the lesson that shows each of them, or the reason why none
 * does.
 *
 * @module
 */

/** A scheme. */
export interface Scheme {
  /** What it is called. */
  name: string;
  /** The lesson or variant that shows it, as `deno task lesson` calls it. */
  lesson?: string;
  /** Why no lesson shows it, or what it is made of. */
  none?: string;
  /** The option for the number of its threads or processes, if each serves one client at a time. */
  each?: string;
  /** The most connections that are tried, where more would take too much memory. */
  most?: number;
  /** What waits while a computation for one client is under way. */
  waits?: string;
}

/** All of them, from one thread to several loops. */
export const schemes: readonly Scheme[] = [
  { name: "iterative", lesson: "01", most: 1, waits: "all" },
  { name: "process for each client", none: "needs fork; lesson 19 says why there is none here" },
  { name: "thread for each client", lesson: "02", most: 100, waits: "nobody" },
  { name: "pre-forked", lesson: "19", each: "--processes", most: 50, waits: "nobody" },
  { name: "pre-threaded", lesson: "18", each: "--threads", most: 100, waits: "nobody" },
  { name: "poll loop (reactor)", lesson: "05", waits: "all" },
  { name: "the same with epoll", lesson: "06", waits: "all" },
  { name: "reactor, thread for each request", none: "lesson 21 with a new thread each time" },
  { name: "reactor, thread for each client", none: "lesson 21 with as many threads as clients" },
  { name: "reactor with a thread pool", lesson: "21/offload", waits: "nobody" },
  { name: "loop for each core, by threads", lesson: "20", waits: "its loop" },
  { name: "loop for each core, by processes", none: "lesson 19's processes with lesson 20's loop" },
  { name: "loops with a pool", none: "lesson 20's loops before lesson 21's pool" },
];
