/** `shared/trace.ts`: counting the calls of a program. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { delay, retry } from "@std/async";
import { callsBetween, readCounts } from "../shared/tools/lesson/costs.ts";
import { visit } from "../shared/tools/check/clients.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";
import { deno } from "./processes.ts";

const LESSONS = new URL("../lessons/", import.meta.url);

function subject(folder: string, counts: string): Subject {
  return {
    name: folder,
    script: new URL(`${folder}/server.ts`, LESSONS),
    permissions: ["--allow-ffi", "--allow-read"],
    args: ["--count-calls", counts],
  };
}

function read(path: string) {
  return new Map(callsBetween(new Map(), readCounts(path)).map((call) => [call.name, call]));
}

Deno.test("calls are counted by name, and can be read while the server lives", async () => {
  const path = await Deno.makeTempFile();
  await using server = await Server.start(subject("04-select", path));
  await visit(server);
  await visit(server);
  const calls = await retry(() => {
    const calls = read(path);
    assertEquals(calls.get("close")?.calls, 2);
    return calls;
  }, { minTimeout: 10, maxAttempts: 10, jitter: 0 });
  assertEquals(calls.get("accept4")!.calls, 2);
  assertEquals(calls.get("send")!.calls, 2);
  assertEquals(calls.get("socket")!.calls, 1);
  assertEquals(calls.has("connect"), false);
  await Deno.remove(path);
});

Deno.test("the counts survive the server being killed, with its failures by name", async () => {
  const path = await Deno.makeTempFile();
  await using server = await Server.start(subject("03-nonblocking", path));
  await visit(server);
  await delay(50); // in which it polls
  await server.stop("SIGKILL");
  const { calls, failures } = read(path).get("accept4")!;
  assertEquals([...failures.keys()], ["EAGAIN"]);
  assertEquals(calls - failures.get("EAGAIN")!, 1);
  assertGreater(calls, 1000);
  await Deno.remove(path);
});

Deno.test("all threads of a server add to the same counts", async () => {
  const path = await Deno.makeTempFile();
  await using server = await Server.start(subject("02-threads", path));
  await Promise.all(Array.from({ length: 5 }, () => visit(server)));
  await retry(
    () => assertEquals(read(path).get("close")?.calls, 5),
    { minTimeout: 10, maxAttempts: 10, jitter: 0 },
  );
  const calls = read(path);
  assertEquals([calls.get("accept4")!.calls, calls.get("send")!.calls], [5, 5]);
  await Deno.remove(path);
});

Deno.test("what is not counted is not wrapped, and what is counted keeps its errno", async () => {
  const path = await Deno.makeTempFile();
  const trace = new URL("../shared/tools/trace/watch.ts", import.meta.url);
  const libc = new URL("../shared/linux/libc.ts", import.meta.url);
  const socket = new URL("../shared/linux/socket.ts", import.meta.url);
  const code = `
    import { watch } from "${trace}";
    import { libc } from "${libc}";
    import { tryRecv } from "${socket}";
    const plain = { ...libc };
    const native = Object.values(plain).every((f) => String(f).includes("native code"));
    watch({ countCalls: "${path}", trace: "" });
    const wrapped = Object.keys(libc).filter((name) => libc[name] !== plain[name]);
    const results = new Set();
    for (let i = 0; i < 100_000; i++) results.add(tryRecv(-1, new Uint8Array(1)));
    console.log(JSON.stringify({ native, wrapped: wrapped.length, results: [...results] }));`;
  const { stdout, stderr } = await deno([
    "run",
    "-A",
    `data:text/javascript,${encodeURIComponent(code)}`,
  ]);
  assert(stdout !== "", stderr);
  const { native, wrapped, results } = JSON.parse(stdout);
  assertEquals(native, true);
  assertGreater(wrapped, 20);
  assertEquals(results, [-9]);
  assertEquals(read(path).get("recv"), {
    name: "recv",
    calls: 100_000,
    failures: new Map([["EBADF", 100_000]]),
  });
  await Deno.remove(path);
});
