/**
 * The epoll instances of this process, as the kernel shows them in /proc. They are read through
 * libc: Deno's own functions open /proc/self only with all permissions.
 *
 * @module
 */

import { close, O_CLOEXEC, O_RDONLY, open, read } from "../../shared/linux/descriptors.ts";
import { EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../../shared/linux/epoll.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import { getsockname } from "../../shared/linux/socket.ts";

/** A descriptor that an epoll instance watches. */
export interface Watched {
  /** The descriptor. */
  fd: number;
  /** What it is watched for: the names of the bits, such as `EPOLLIN|EPOLLET`. */
  events: string;
  /** Whether it is the socket that was looked for. */
  wanted: boolean;
}

const EVENTS = { EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET };

/**
 * Finds the epoll instance that watches the socket bound to a port, see proc_pid_fdinfo(5).
 *
 * @returns Its descriptor, and what it watches in the order of the descriptors; undefined if no
 * instance watches that socket.
 */
export function findEpoll(port: number): { epoll: number; watched: Watched[] } | undefined {
  // The search ends at 256: a program that has just started has low descriptors.
  for (let epoll = 0; epoll < 256; epoll++) {
    const watched = [...fdinfo(epoll).matchAll(/^tfd: +(\d+) events: +(\w+)/gm)]
      .map(([, fd, events]) => ({ fd: Number(fd), events: names(parseInt(events, 16)) }))
      .map(({ fd, events }) => ({ fd, events, wanted: portOf(fd) === port }))
      .sort((a, b) => a.fd - b.fd);
    if (watched.some(({ wanted }) => wanted)) return { epoll, watched };
  }
}

/** Describes in lines what {@linkcode findEpoll} finds. */
export function watchList(port: number): string[] {
  const found = findEpoll(port);
  if (found === undefined) return ["no epoll instance of this process watches the listener"];
  return [
    `descriptor ${found.epoll} of this process is an epoll instance, and watches`,
    ...found.watched.map(({ fd, events, wanted }) =>
      `  descriptor ${fd} for ${events}${wanted ? ": the listener" : ""}`
    ),
  ];
}

/** The kernel's text about a descriptor; empty if it is not open. */
function fdinfo(fd: number): string {
  let file = -1;
  try {
    file = open(`/proc/self/fdinfo/${fd}`, O_RDONLY | O_CLOEXEC);
    const buffer = new Uint8Array(64 * 1024);
    return new TextDecoder().decode(buffer.subarray(0, read(file, buffer)));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return "";
  } finally {
    if (file !== -1) close(file);
  }
}

function names(events: number): string {
  return Object.entries(EVENTS).filter(([, bit]) => events & bit).map(([name]) => name).join("|");
}

/** The port of a socket; undefined for any other descriptor. */
function portOf(fd: number): number | undefined {
  try {
    return getsockname(fd).port;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return undefined;
  }
}
