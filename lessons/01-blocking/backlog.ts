/**
 * Lesson 01 · Blocking I/O: how long the kernel's queue should be.
 *
 * Twenty clients connect at once, while the server is busy for a tenth of a second. If the queue
 * has no room for a client, the kernel drops its SYN, and the client sends it again a second later.
 *
 * Run:  deno run --allow-ffi --allow-net lessons/01-blocking/backlog.ts
 * Man:  listen(2), tcp(7)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, orThrow } from "../../shared/linux/errno.ts";
import {
  getsockname,
  listen,
  listenTcp,
  SOCK_NONBLOCK,
  tryAccept4,
} from "../../shared/linux/socket.ts";

const CLIENTS = 20;

for (const backlog of [5, 4096]) {
  const listener = listenTcp({ host: "127.0.0.1", port: 0 }, SOCK_NONBLOCK);
  listen(listener, backlog); // changes the length of the queue
  const { port } = getsockname(listener);
  const clients = Array.from({ length: CLIENTS }, () => timeToConnect(port));

  await sleep(100); // the server is busy
  const connected = Promise.all(clients);
  for (let accepted = 0; accepted < CLIENTS; await sleep(1)) {
    const fd = tryAccept4(listener);
    if (fd === -EAGAIN) continue;
    close(orThrow("accept4", fd, listener));
    accepted++;
  }
  const late = (await connected).filter((time) => time > 500).length;
  console.log(`listen(${backlog}): ${CLIENTS - late} connected at once, ${late} a second later`);
  close(listener);
}

async function timeToConnect(port: number): Promise<number> {
  const start = performance.now();
  using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return performance.now() - start;
}
