/**
 * Lesson 06 · epoll: what a server loses when it forgets the duties of edge-triggering.
 *
 * Ten bytes arrive, and five are read. Level-triggered, epoll_wait reports the other five.
 * Edge-triggered, it does not: the socket has not become ready, it still is. A server that does not
 * read until EAGAIN leaves them there, and its client waits forever.
 *
 * Run:  deno run --allow-ffi lessons/06-epoll/forgetful.ts
 * Man:  epoll(7), the section "Level-triggered and edge-triggered"
 */

import { close } from "../../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  epoll_wait,
  EPOLLET,
  EpollEvents,
  EPOLLIN,
} from "../../shared/linux/epoll.ts";
import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  recv,
  send,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
} from "../../shared/linux/socket.ts";

const TIMEOUT = 100; // milliseconds; a server would wait forever
const events = new EpollEvents(1);

for (const [name, trigger] of [["level-triggered", 0], ["edge-triggered", EPOLLET]] as const) {
  const listener = listenTcp({ host: "127.0.0.1", port: 0 });
  const client = socket(AF_INET, SOCK_STREAM);
  connect(client, getsockname(listener));
  const connection = accept4(listener, SOCK_NONBLOCK);
  const epoll = epoll_create1();
  epoll_ctl(epoll, EPOLL_CTL_ADD, connection, EPOLLIN | trigger);
  console.log(name);

  send(client, new Uint8Array(10));
  console.log(`  ten bytes arrive:         ${report(epoll)}`);
  console.log(`  ${recv(connection, new Uint8Array(5))} are read, 5 are left:   ${report(epoll)}`);
  send(client, new Uint8Array(1));
  console.log(`  one more arrives:         ${report(epoll)}`);
  console.log(`  nothing happens:          ${report(epoll)}`);
  // Re-arming checks again whether it is ready: the way out for a server that cannot read on now.
  epoll_ctl(epoll, EPOLL_CTL_MOD, connection, EPOLLIN | trigger);
  console.log(`  it is re-armed:           ${report(epoll)}`);

  for (const fd of [epoll, connection, client, listener]) close(fd);
}

function report(epoll: number): string {
  return epoll_wait(epoll, events, TIMEOUT) === 1 ? "reported" : "not reported";
}
