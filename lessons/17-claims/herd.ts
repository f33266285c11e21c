/**
 * What each thread of C24 does: waits for clients, and accepts them.
 *
 * @module
 */
/// <reference lib="deno.worker" />

import { epoll_wait, EpollEvents } from "../../shared/linux/epoll.ts";
import { tryAccept4 } from "../../shared/linux/socket.ts";

/** Where it waits. */
export interface Task {
  /** The socket from which it accepts. */
  listener: number;
  /** The epoll instance that watches it; without one, accept4 waits. */
  epoll?: number;
}

const events = new EpollEvents(1);

self.onmessage = ({ data: { listener, epoll } }: MessageEvent<Task>) => {
  self.postMessage("ready");
  while (true) {
    if (epoll !== undefined) epoll_wait(epoll, events);
    tryAccept4(listener); // another thread may have been faster
  }
};
