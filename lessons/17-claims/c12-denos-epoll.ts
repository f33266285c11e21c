/**
 * Lesson 17 · What people say: C12, about frameworks that are called asynchronous.
 *
 * Deno's own `listen` is one of these. The program looks at itself: /proc names the epoll instances
 * that it has and what they watch. Is the listening socket among that? Where there is Python, it is
 * asked what asyncio, on which Tornado runs, waits with.
 *
 * Run:  deno run -A lessons/17-claims/c12-denos-epoll.ts
 * Man:  proc_pid_fdinfo(5), epoll(7)
 */

import { EPOLLET } from "../../shared/linux/epoll.ts";
import { conclude } from "./verdict.ts";

using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const accepting = listener.accept().catch(() => {}); // until the listener is closed
const inode = inodeOf(listener.addr.port);

const watched = descriptors().filter(({ target }) => target === "anon_inode:[eventpoll]")
  .flatMap(({ fd }) => Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`).split("\n"))
  .filter((line) => line.startsWith("tfd:"))
  .map((line) => /tfd: +(\d+) events: +(\w+) .* ino:(\w+)/.exec(line)!.slice(1))
  .map(([fd, events, ino]) => ({ fd, events: parseInt(events, 16), inode: parseInt(ino, 16) }));
const found = watched.find((watched) => watched.inode === inode);
const python = askPython();

conclude(
  "C12",
  [
    `the socket of Deno.listen is inode ${inode}`,
    found === undefined
      ? "no epoll instance of this process watches it"
      : `Deno's own epoll instance watches it, as descriptor ${found.fd}, events ` +
        `0x${found.events.toString(16)}${found.events & EPOLLET ? ": edge-triggered" : ""}`,
    `asyncio of Python waits with: ${python ?? "not measured, there is no python3"}`,
  ],
  found !== undefined && (python ?? "EpollSelector") === "EpollSelector"
    ? "false: they are told of readiness by epoll, and read and write for themselves"
    : "true: epoll was not found",
);
listener.close();
await accepting;

function descriptors(): { fd: string; target: string }[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [{ fd: name, target: Deno.readLinkSync(`/proc/self/fd/${name}`) }];
    } catch {
      return []; // the descriptor with which the folder was read
    }
  });
}

/** The socket that listens on a port, as the kernel numbers it. */
function inodeOf(port: number): number {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = Deno.readTextFileSync("/proc/self/net/tcp").split("\n");
  const row = rows.map((row) => row.trim().split(/ +/)).find((row) => row[1] === address);
  return Number(row?.[9]);
}

function askPython(): string | undefined {
  const code = "import asyncio; print(type(asyncio.new_event_loop()._selector).__name__)";
  try {
    const { stdout } = new Deno.Command("python3", { args: ["-c", code] }).outputSync();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return undefined;
  }
}
