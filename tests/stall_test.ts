/** What the runner reports when nothing moves any more. */

import { assertEquals, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import { connect } from "../shared/tools/check/clients.ts";
import { servers } from "../shared/tools/lesson/catalogue.ts";
import { StallWatch } from "../shared/tools/lesson/stall.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";

/** Whether the kernel shows in which call a process of ours sleeps; see proc(5). */
const canSeeCalls = await (async () => {
  await using child = new Child(["sleep", "60"]);
  try {
    return Deno.readTextFileSync(`/proc/${child.pid}/syscall`) !== "";
  } catch {
    return false;
  }
})();

const CLIENT = new URL("../lessons/01-blocking/client.ts", import.meta.url);

/** The sentence for a visit of lesson 01's clients, of which the first says nothing for long. */
async function sentenceFor(number: string, pause: number): Promise<string> {
  const { script, permissions } = servers.find(({ lesson }) => lesson.number === number)!;
  await using server = new Child(denoRun(script, permissions, ["--port", "0"]));
  const port = (await server.listening())!;
  const args = ["--port", String(port), "--pause", String(pause)];
  await using client = new Child(denoRun(CLIENT, ["--allow-net"], args));
  const sentence = Promise.withResolvers<string>();
  using _watch = new StallWatch(server.pid, client.pid, port, sentence.resolve, 1000);
  client.ended.then(() => sentence.resolve(""));
  return await deadline(sentence.promise, 20_000);
}

Deno.test("it names the call in which the server sleeps, and the clients that wait", async () => {
  const sentence = await sentenceFor("01", 10_000);
  const [server, ...clients] = sentence.split("; ");
  assertMatch(
    server,
    canSeeCalls
      ? /^nothing has moved since [\d.]+ s: the server sleeps in recv\(\d+\)$/
      : /^nothing has moved since [\d.]+ s: the server waits$/,
  );
  assertEquals(clients, [
    "client 2 waits in the accept queue, with 5 bytes",
    "client 3 waits in the accept queue, with 5 bytes",
  ]);
});

Deno.test("it says so if no byte lies unread", async () => {
  assertMatch(
    await sentenceFor("06", 10_000),
    /: the server (sleeps in epoll_wait\(\d+\)|waits); no byte lies unread$/,
  );
});

Deno.test("it reports nothing while something moves", async () => {
  assertEquals(await sentenceFor("06", 500), "");
});

Deno.test("it finds bytes that a server leaves in a descriptor, and replies not read", async () => {
  // A server that accepts, answers once, and reads no more.
  const code = `
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    console.log("listening on 127.0.0.1:" + listener.addr.port);
    const connection = await listener.accept();
    await connection.read(new Uint8Array(1));
    await connection.write(new Uint8Array(3));
    setInterval(() => connection, 60_000);`;
  const script = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  await using server = new Child(denoRun(script, ["--allow-net"]));
  const port = (await server.listening())!;
  using connection = await connect({ host: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode("hello"));
  const sentence = Promise.withResolvers<string>();
  using _watch = new StallWatch(server.pid, Deno.pid, port, sentence.resolve, 1000);
  const [, ...clients] = (await deadline(sentence.promise, 20_000)).split("; ");
  assertEquals(clients.length, 2);
  assertMatch(clients.join(), /4 bytes of client 1 lie unread in descriptor \d+/);
  assertMatch(clients.join(), /client 1 has not read 3 bytes of its reply/);
});
