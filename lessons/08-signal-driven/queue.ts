/**
 * Lesson 08 · Signal-driven I/O: the content of a queued signal, and a full queue.
 *
 * Three sockets receive data, and each signal names its socket. Then more signals come than the
 * queue has room for, and the kernel sends a SIGIO, which says no more than "check everywhere".
 *
 * Run:  deno run --allow-ffi lessons/08-signal-driven/queue.ts
 * Man:  fcntl(2) (F_SETSIG), signalfd(2), getrlimit(2) (RLIMIT_SIGPENDING)
 */

import { getrlimit, setrlimit } from "../../shared/linux/descriptors.ts";
import {
  readSignals,
  RLIMIT_SIGPENDING,
  SIGIO,
  signalfd,
  SignalInfos,
  signalThread,
  SIGRTMIN,
} from "../../shared/linux/signal.ts";
import {
  accept4,
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  send,
  SOCK_STREAM,
  socket,
} from "../../shared/linux/socket.ts";

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
console.log("\nnow the queue has room for only a few signals, and 10 messages arrive");
for (let i = 0; i < 10; i++) send(pairs[i % 3].client, new Uint8Array(5));
show();

function show() {
  const count = readSignals(descriptor, infos);
  for (let i = 0; i < count; i++) {
    if (infos.signal(i) === SIGIO) console.log("SIGIO: signals were lost, check every socket");
    else console.log(`SIGRTMIN: descriptor ${infos.fd(i)}, events 0x${hex(infos.events(i))}`);
  }
}

function hex(bits: number): string {
  return bits.toString(16);
}
