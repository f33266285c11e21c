/**
 * Lesson 17 · What people say: C1, about who waits for a blocking server.
 *
 * The server of lesson 01 has a client that connects and says nothing. A second one connects and
 * says hello. What happens to it is written down in the order in which it happens.
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

const silent = await connectWhenReady(address);
await sleep(100); // now the server has accepted it, and waits for what it will say

const start = performance.now();
using second = await connectWhenReady(address);
events.push("the second client connects");
const hello = new TextEncoder().encode("hello");
await sendAll(second, hello);
const reply = checkReply(second, hello).then(() => events.push("the second client gets its reply"));

await sleep(300);
events.push("the first client goes");
silent.close();
await reply;

const wait = (performance.now() - start).toFixed(0);
conclude(
  "C1",
  [events.join(", "), `the second client waited ${wait} ms for its reply`],
  events[1] === "the first client goes"
    ? "true: the kernel connects the second client, but the server answers it only afterwards"
    : "false: it was answered while the first one was there",
);
