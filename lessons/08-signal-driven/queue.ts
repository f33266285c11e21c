/**
 * Lesson 08 · Signal-driven I/O: what is in a queued signal, and what happens when the queue is
 * full.
 *
 * Three sockets get something to read, and each signal names its socket. Then there is room for few
 * signals only, and more come: the kernel sends a SIGIO, which says no more than "look everywhere".
 *
 * Run:  deno run --allow-ffi lessons/08-signal-driven/queue.ts
 * Man:  fcntl(2) (F_SETSIG), signalfd(2), getrlimit(2) (RLIMIT_SIGPENDING)
 */

import { getrlimit, setrlimit } from "../../shared/linux/descriptors.ts";
import { readSignals, SIGIO, signalfd, SignalInfos } from "../../shared/linux/signal.ts";
import { RLIMIT_SIGPENDING, signalThread, SIGRTMIN } from "../../shared/linux/signal.ts";
import { accept4, AF_INET, connect, getsockname } from "../../shared/linux/socket.ts";
import { listenTcp, send, SOCK_STREAM, socket } from "../../shared/linux/socket.ts";

const listener = listenTcp({ host: "127.0.0.1", port: 0 });
const descriptor = signalfd(SIGRTMIN, SIGIO);
const infos = new SignalInfos(64);
const pairs = Array.from({ length: 3 }, () => {
  const client = socket(AF_INET, SOCK_STREAM);
  connect(client, getsockname(listener));
  const server = accept4(listener);
  signalThread(server, SIGRTMIN);
  return { client, server };
});

console.log(`the sockets are ${pairs.map(({ server }) => server).join(", ")}`);
for (const { client } of pairs) send(client, new Uint8Array(5));
show();

const { hard } = getrlimit(RLIMIT_SIGPENDING);
setrlimit(RLIMIT_SIGPENDING, { soft: 6, hard });
console.log("\nthe queue now has room for a few, and 10 messages come");
for (let i = 0; i < 10; i++) send(pairs[i % 3].client, new Uint8Array(5));
show();

function show() {
  const count = readSignals(descriptor, infos);
  for (let i = 0; i < count; i++) {
    if (infos.signal(i) === SIGIO) console.log("SIGIO: signals were lost, look everywhere");
    else {console.log(
        `SIGRTMIN: descriptor ${infos.fd(i)}, events 0x${infos.events(i).toString(16)}`,
      );}
  }
}
