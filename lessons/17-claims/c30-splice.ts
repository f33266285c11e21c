/**
 * Lesson 17 · What people say: C30, about splice.
 *
 * Two proxies take turns in front of the same server: one with recv and send, one with splice. They
 * get the same messages, small ones and large ones. What does a message cost each of them? All run
 * on one core, so none of the costs depends on where the others are.
 *
 * Run:  deno run -A lessons/17-claims/c30-splice.ts
 * Man:  splice(2), proc_pid_stat(5)
 */

import { stayOnOneCore } from "../../shared/linux/cores.ts";
import {
  AF_INET,
  connect,
  IPPROTO_TCP,
  MSG_TRUNC,
  MSG_WAITALL,
  recv,
  sendAll,
  setsockopt,
  SOCK_STREAM,
  socket,
  TCP_NODELAY,
} from "../../shared/linux/socket.ts";
import { cpuOf } from "../../shared/tools/process/proc.ts";
import { startServer } from "./servers.ts";
import { conclude } from "./verdict.ts";

const [CLIENTS, ROUNDS] = [8, 60];
const SIZES = [{ size: 64, turns: 50 }, { size: 4096, turns: 50 }, { size: 65_536, turns: 10 }];

stayOnOneCore(); // the servers inherit it
await using behind = await startServer("06");
const upstream = ["--upstream", `127.0.0.1:${behind.port}`];
await using copying = await startServer("24/copying", ...upstream);
await using splicing = await startServer("24", ...upstream);
const proxies = [copying, splicing].map(({ pid, port }) => ({ pid, clients: connectAll(port) }));
const buffer = new Uint8Array(65_536);
const rows: string[] = [];
const ratios = SIZES.map(({ size, turns }) => {
  let before: number[] = [];
  for (let round = -10; round < ROUNDS; round++) {
    if (round === 0) before = proxies.map(({ pid }) => cpuOf(pid)); // the code is compiled by now
    for (const { clients } of proxies) {
      for (let turn = 0; turn < turns; turn++) {
        for (const client of clients) sendAll(client, buffer, size);
        for (const client of clients) recv(client, buffer, size, MSG_TRUNC | MSG_WAITALL);
      }
    }
  }
  const [copy, splice] = proxies.map(({ pid }, i) =>
    1000 * (cpuOf(pid) - before[i]) / (ROUNDS * turns * CLIENTS)
  );
  const bytes = size.toLocaleString("en").padStart(6);
  rows.push(`${bytes} B: recv and send ${copy.toFixed(1)} µs, splice ${splice.toFixed(1)} µs`);
  return splice / copy;
});

const [small, , large] = ratios;
const compared = `${small.toFixed(2)} times the cost for 64 B, ${large.toFixed(2)} for 64 KiB`;
conclude(
  "C30",
  rows,
  ratios.every((ratio) => ratio < 1)
    ? `true: ${compared}`
    : ratios.some((ratio) => ratio < 1)
    ? `it depends on how large a message is: ${compared}`
    : `false: ${compared}`,
);

function connectAll(port: number): number[] {
  return Array.from({ length: CLIENTS }, () => {
    const client = socket(AF_INET, SOCK_STREAM);
    connect(client, { host: "127.0.0.1", port });
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, 1);
    return client;
  });
}
