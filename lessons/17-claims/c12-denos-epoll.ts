/**
 * Lesson 17 · What people say: C12, about frameworks that are called asynchronous.
 *
 * Deno's own `listen` is one of them. This process looks for its listening socket in the watch list
 * of its own epoll instances. Then Python, where it is installed, reports what asyncio waits with,
 * on which Tornado runs.
 *
 * Run:  deno run --allow-ffi --allow-net --allow-run=python3 lessons/17-claims/c12-denos-epoll.ts
 * Man:  proc_pid_fdinfo(5), epoll(7)
 */

import { findEpoll } from "../15-async-await/watch_list.ts";
import { askPython } from "./python.ts";
import { conclude } from "./verdict.ts";

using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const found = findEpoll(listener.addr.port);
const socket = found?.watched.find(({ wanted }) => wanted);
const python = askPython(
  "import asyncio; print(type(asyncio.new_event_loop()._selector).__name__)",
);

conclude(
  "C12",
  [
    socket === undefined
      ? "no epoll instance of this process watches the socket of Deno.listen"
      : `Deno's epoll instance ${found!.epoll} watches the socket of Deno.listen, ${socket.fd}, ` +
        `for ${socket.events}`,
    `asyncio of Python waits with: ${python ?? "not measured, there is no python3"}`,
  ],
  socket !== undefined && (python ?? "EpollSelector") === "EpollSelector"
    ? "false: epoll reports readiness to them, and they read and write for themselves"
    : "true: none of them uses epoll",
);
