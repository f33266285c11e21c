/**
 * Lesson 20 · A loop for each core: what happens to the clients of a loop that ends.
 *
 * Twenty clients connect, and nobody accepts them. Then one of two loops ends, and its listener is
 * closed. With SO_REUSEPORT, the clients that wait in this listener are reset, unless the kernel's
 * setting net.ipv4.tcp_migrate_req lets it move them to another listener of the port. A listener
 * that both loops share stays open, and with it its queue.
 *
 * Run:  deno run --allow-ffi lessons/20-loop-per-core/ending.ts
 * Man:  socket(7) (SO_REUSEPORT), listen(2)
 */

import {
  close,
  F_DUPFD_CLOEXEC,
  fcntl,
  O_RDONLY,
  open,
  read,
} from "../../shared/linux/descriptors.ts";
import { ECONNRESET, isSystemError } from "../../shared/linux/errno.ts";
import {
  AF_INET,
  bind,
  connect,
  getsockname,
  listen,
  MSG_DONTWAIT,
  setsockopt,
  SO_REUSEPORT,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryAccept4,
  tryRecv,
} from "../../shared/linux/socket.ts";

const CLIENTS = 20;
const byte = new Uint8Array(1);

console.log(`net.ipv4.tcp_migrate_req is ${migrateSetting()}`);
for (const kind of ["a listener for each loop", "one shared listener"]) {
  const first = listener(0);
  const address = getsockname(first);
  // A process that shares the listener with another one has a descriptor of its own for it.
  const shared = kind === "one shared listener";
  const second = shared ? fcntl(first, F_DUPFD_CLOEXEC, 0) : listener(address.port);

  const clients = Array.from({ length: CLIENTS }, () => socket(AF_INET, SOCK_STREAM));
  for (const client of clients) connect(client, address); // the kernel completes the handshake
  close(first);

  let accepted = 0;
  for (let fd; (fd = tryAccept4(second)) >= 0; accepted++) close(fd);
  const results = clients.map((client) => tryRecv(client, byte, 1, MSG_DONTWAIT));
  const reset = results.filter((result) => result === -ECONNRESET).length;
  console.log(kind);
  console.log(`  accepted by the other loop:  ${accepted} of ${CLIENTS} clients`);
  console.log(`  reset by the kernel:         ${reset}`);
  for (const fd of [second, ...clients]) close(fd);
}

function listener(port: number): number {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  bind(fd, { host: "127.0.0.1", port });
  listen(fd);
  return fd;
}

/** 0 or 1; kernels before Linux 5.14 do not have it. */
function migrateSetting(): string {
  try {
    const fd = open("/proc/sys/net/ipv4/tcp_migrate_req", O_RDONLY);
    read(fd, byte);
    close(fd);
    return new TextDecoder().decode(byte);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return "not known to this kernel";
  }
}
