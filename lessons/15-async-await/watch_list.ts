/**
 * What the epoll instance of this process watches, as the kernel shows it in /proc. It is read
 * through libc, because Deno itself opens /proc/self with all permissions only.
 *
 * @module
 */

import { close, O_CLOEXEC, O_RDONLY, open, read } from "../../shared/linux/descriptors.ts";
import { getsockname } from "../../shared/linux/socket.ts";
import { EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../../shared/linux/epoll.ts";

/** How the descriptors are watched, by the names of the bits. */
const EVENTS = { EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET };

/**
 * Describes the epoll instance in which the socket that listens on a port appears: a line for the
 * instance, and one for each descriptor that it watches. See proc_pid_fdinfo(5).
 */
export function watchList(port: number): string[] {
  // What a program opens first has the lowest numbers.
  for (let epoll = 0; epoll < 256; epoll++) {
    const watched = [...fdinfo(epoll).matchAll(/^tfd: +(\d+) events: +(\w+)/gm)]
      .map(([, fd, events]) => ({ fd: Number(fd), events: parseInt(events, 16) }));
    if (!watched.some(({ fd }) => portOf(fd) === port)) continue;
    return [
      `descriptor ${epoll} of this process is an epoll instance, and watches`,
      ...watched.map(({ fd, events }) => {
        const what = portOf(fd) === port ? ": the listener" : "";
        return `  descriptor ${fd} for ${names(events)}${what}`;
      }),
    ];
  }
  return ["no epoll instance of this process watches the listener"];
}

function fdinfo(fd: number): string {
  let file = -1;
  try {
    file = open(`/proc/self/fdinfo/${fd}`, O_RDONLY | O_CLOEXEC);
    const buffer = new Uint8Array(64 * 1024);
    return new TextDecoder().decode(buffer.subarray(0, read(file, buffer)));
  } catch {
    return ""; // there is no such descriptor
  } finally {
    if (file !== -1) close(file);
  }
}

function names(events: number): string {
  return Object.entries(EVENTS).filter(([, bit]) => events & bit).map(([name]) => name).join("|");
}

/** The port of a socket; undefined if it is something else. */
function portOf(fd: number): number | undefined {
  try {
    return getsockname(fd).port;
  } catch {
    return undefined;
  }
}
