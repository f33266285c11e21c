/**
 * Lesson 17 · What people say: C1, about a second client of a blocking server.
 *
 * One client connects to the server of lesson 01 and stays silent. A second one connects and says
 * hello. The events are recorded in the order in which they happen.
 *
 * Run:  deno run -A lessons/17-claims/c01-second-client.ts
 * Man:  listen(2), accept(2)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { checkReply, sendAll } from "../../shared/client.ts";
import { connectWhenReady } from "../../shared/ready.ts";
import { startServer } from "./servers.ts";
import { conclude } from "./verdict.ts";

await using server = await startServer("01");
const address = { host: "127.0.0.1", port: server.port };
const events: string[] = [];

// The kernel queues clients in the order in which they connect, so the server gets this one first,
// and blocks in recv.
const silent = await connectWhenReady(address);

const start = performance.now();
using second = await connectWhenReady(address);
events.push("the second client connects");
const hello = new TextEncoder().encode("hello");
await sendAll(second, hello);
const reply = checkReply(second, hello).then(() => events.push("the second client gets its reply"));

await sleep(300);
events.push("the first client closes");
silent.close();
await reply;

const wait = (performance.now() - start).toFixed(0);
conclude(
  "C1",
  [events.join(", "), `the second client waited ${wait} ms for its reply`],
  events[1] === "the first client closes"
    ? "true: the kernel connects the second client, but the server answers it only afterwards"
    : "false: the second client was answered while the first one was connected",
);
