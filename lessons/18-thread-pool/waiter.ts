/**
 * Lesson 18 · A thread pool: a thread that waits in accept or in poll, for wakes.ts.
 *
 * In accept, a thread waits exclusively: a client wakes the one that has waited for the longest
 * time. In poll, the kernel does not know what the thread will do, so it wakes all.
 */
/// <reference lib="deno.worker" />

import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN } from "../../shared/linux/errno.ts";
import { poll, POLLIN, PollList } from "../../shared/linux/poll.ts";
import { tryAccept4 } from "../../shared/linux/socket.ts";
import { voluntarySwitches } from "../../shared/linux/usage.ts";

/** What the main thread hands to each of the others. */
export interface Task {
  /** The listening socket, which is non-blocking if the threads wait in poll. */
  listener: number;
  /** The call in which to wait. */
  call: "accept" | "poll";
}

self.onmessage = ({ data: { listener, call } }: MessageEvent<Task>) => {
  const list = new PollList();
  list.add(listener, POLLIN);
  self.postMessage(0);
  const before = voluntarySwitches();
  while (true) {
    if (call === "poll") poll(list);
    const fd = tryAccept4(listener);
    if (fd >= 0) close(fd);
    else if (fd !== -EAGAIN) break; // the listener was shut down
  }
  self.postMessage(voluntarySwitches() - before);
  self.close();
};
