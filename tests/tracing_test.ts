/** `--trace`: what a script tells of itself, as text and as a file that Perfetto opens. */

import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { assertStringIncludes } from "@std/assert";
import { deadline, delay } from "@std/async";
import { LESSONS, serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { visit } from "../shared/tools/check/clients.ts";
import { Server } from "../shared/tools/check/server.ts";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { deno } from "./processes.ts";
import { readTrace, resultsOf } from "./trace_events.ts";

function startServer(number: string, args: string[]): Promise<Server> {
  const { folder, server } = serverLessons.find((lesson) => lesson.number === number)!;
  const script = new URL(`${folder}/server.ts`, LESSONS);
  return Server.start({ name: folder, script, ...server, args });
}

/** Runs a server until its clients have come and gone, and reads its trace. */
async function traceServer(number: string, clients: number, kill = false) {
  const path = await Deno.makeTempFile();
  await using server = await startServer(number, [
    `--trace=${path}`,
    ...kill ? [] : ["--connections", String(clients)],
  ]);
  await Promise.all(Array.from({ length: clients }, () => visit(server)));
  if (kill) {
    await delay(150);
    await server.stop("SIGKILL");
  } else await deadline(server.ended, 5000);
  const events = readTrace(path);
  const { size } = await Deno.stat(path);
  await Deno.remove(path);
  return { events, size };
}

/** A test of a server that this machine may lack. */
function test(name: string, server: { needsIoUring?: true }, fn: () => Promise<void>) {
  const reason = unavailable(server);
  const skipped = reason ? ` (skipped: ${reason})` : "";
  Deno.test({ name: name + skipped, ignore: reason !== undefined, fn });
}

for (const { number, folder, server } of serverLessons) {
  test(`the trace of ${folder} keeps the rules of the format`, server, async () => {
    const { events } = await traceServer(number, 3);
    const names = events.filter(({ ph }) => ph === "M").map(({ name, args }) => [name, args.name]);
    assertEquals(names.slice(0, 2), [["process_name", "server"], ["thread_name", "server"]]);
    if (server.native) return; // its calls are not ours
    assertEquals(resultsOf(events).get("listen = 0"), 1);
    if (server.needsIoUring) return;
    const accepted = events.filter(({ name, args }) => name === "accept4" && args.result !== -1);
    assertEquals(accepted.length, 3);
  });
}

const uring = "the operations of an io_uring begin and end, and completions are counted";
test(uring, { needsIoUring: true }, async () => {
  const { events } = await traceServer("09", 3);
  const operations = events.filter(({ cat }) => cat === "io_uring");
  const received = operations.filter(({ ph, name }) => ph === "e" && name === "recv");
  assertEquals(received.filter(({ args: { result } }) => result === 0).length, 3);
  const completed = events.filter(({ name }) => name === "io_uring_enter")
    .reduce((sum, { args: { completed } }) => sum + Number(completed), 0);
  assertEquals(completed, operations.filter(({ ph }) => ph === "n" || ph === "e").length);
});

Deno.test("a trace is complete when the server is killed, and small where it polls", async () => {
  const { events, size } = await traceServer("03", 2, true);
  const polled = resultsOf(events).get("accept4 = -1 EAGAIN")!;
  assertGreater(polled, 1000);
  assertLess(size, 300_000);
  assertLess(events.length, 500);
  const long = events.filter(({ args: { count = 0 } }) => Number(count) > 100);
  assertGreater(long.length, 0);
  assertGreater(long.reduce((sum, { dur }) => sum + dur!, 0), 10_000); // microseconds
});

Deno.test("the threads of a server are told apart in one file", async () => {
  const { events } = await traceServer("02", 4);
  const threads = events.filter(({ name }) => name === "thread_name");
  assertEquals(threads.length, 5);
  assertEquals(new Set(threads.map(({ tid }) => tid)).size, 5);
  const receiving = events.filter(({ name }) => name === "recv").map(({ tid }) => tid);
  assertEquals(new Set(receiving).size, 4);
});

Deno.test("SIGIO is told whenever the server's listener is called", async () => {
  const { events } = await traceServer("08", 1);
  assertGreater(events.filter(({ name, ph }) => name === "SIGIO" && ph === "i").length, 0);
});

Deno.test("--trace tells each call on stderr as strace does", async () => {
  let lines: readonly string[];
  {
    await using server = await startServer("01", ["--trace", "--connections", "1"]);
    lines = server.errors;
    await visit(server);
    await deadline(server.ended, 5000);
  } // where all that it has written is read
  const stderr = lines.join("\n");
  for (const line of lines) assertMatch(line, /^\d+\.\d{6} .* <\d+\.\d{6}>$/);
  const accepted = Number(/accept4\(\d+\) = (\d+), peer \d+ </.exec(stderr)![1]);
  assertMatch(stderr, new RegExp(`recv\\(${accepted}, 65536\\) = [1-9]\\d* <`));
  assertMatch(stderr, new RegExp(`recv\\(${accepted}, 65536\\) = 0 <`));
  assertMatch(stderr, new RegExp(`close\\(${accepted}\\) = 0 <`));
});

/** Runs code that may use what is in `shared/`. */
function evaluate(code: string) {
  const source = code.replaceAll("shared/", new URL("../shared/", import.meta.url).href);
  return deno(["run", "-A", `data:text/javascript,${encodeURIComponent(source)}`]);
}

Deno.test("a failing call that is traced keeps its errno, and its name in the text", async () => {
  const { stdout, stderr } = await evaluate(`
    import { watch } from "shared/trace.ts";
    import { socket, tryAccept4, tryRecv } from "shared/linux/socket.ts";
    watch({ countCalls: "", trace: "-" });
    const results = new Set();
    let garbage = [];
    for (let i = 0; i < 100_000; i++) {
      results.add(tryRecv(-1, new Uint8Array(1)));
      garbage.push({ i, text: String(i) });
      if (i % 1000 === 0) garbage = [];
    }
    tryRecv(1, new Uint8Array(1));
    tryAccept4(-1);
    socket(2, 1); // succeeds, which ends the run of failures
    console.log(JSON.stringify([...results]));
  `);
  assertEquals(stdout, "[-9]\n");
  const times = [...stderr.matchAll(
    /recv\(-1, 1\) = -1 EBADF \(Bad file descriptor\)(?:, ([\d,]+) times)? </g,
  )].map(([, count]) => Number((count ?? "1").replaceAll(",", "")));
  assertEquals(times.reduce((a, b) => a + b, 0), 100_000);
});

Deno.test("a computation is told apart from a time without calls", async () => {
  const { stderr } = await evaluate(`
    import { watch } from "shared/trace.ts";
    import { sleep, socket } from "shared/linux/socket.ts";
    import { close } from "shared/linux/descriptors.ts";
    watch({ countCalls: "", trace: "-" });
    for (let i = 0; i < 40; i++) {
      close(socket(2, 1));
      sleep(5);
      close(socket(2, 1));
      for (const start = performance.now(); performance.now() - start < 5;);
    }
    close(socket(2, 1));
  `);
  const computed = [...stderr.matchAll(/--- computing cpu=(\d+) --- <([\d.]+)>/g)];
  const long = computed.filter(([, , seconds]) => Number(seconds) > 0.004);
  // Where others had the core for most of the time, it was not computing.
  assertGreater(long.length, 0, stderr);
  assertLess(long.length, 41, stderr);
});

Deno.test("a client tells of each of its clients in a trace of the same format", async () => {
  const path = await Deno.makeTempFile();
  await using server = await startServer("01", []);
  const { code, stderr } = await deno([
    "run",
    "--allow-net",
    "--allow-write",
    "lessons/01-blocking/client.ts",
    "--port",
    String(server.port),
    "--pause",
    "100",
    `--trace=${path}`,
  ]);
  assertEquals([code, stderr], [0, ""]);
  const events = readTrace(path);
  for (const client of [1, 2, 3]) {
    const own = events.filter(({ tid, ph }) => tid === client && ph === "X");
    assertEquals(own.map(({ name }) => name), ["connect", "send", "wait for the reply"]);
    assertEquals(own.slice(1).map(({ args: { bytes } }) => bytes), [5, 5]);
  }
  const waits = events.filter(({ name }) => name === "wait for the reply");
  assertGreater(waits.find(({ tid }) => tid === 2)!.dur!, 50_000);
  await Deno.remove(path);
});

Deno.test("a client without the permission to write says so in one line", async () => {
  const script = "lessons/03-nonblocking/client.ts";
  const args = ["run", "--no-prompt", "--allow-net", script, "--trace=/tmp/never"];
  const { code, stderr } = await deno(args);
  assertEquals(code, 1);
  assertEquals(stderr, "writing a trace needs a permission: run it again with --allow-write\n");
});

Deno.test("--trace takes a file only behind a =, and --help shows it so", async () => {
  const server = ["run", "--allow-ffi", "lessons/01-blocking/server.ts"];
  const help = await deno([...server, "--help"]);
  assertMatch(help.stdout, /^ {2}--trace\[=FILE\] {2,}tell each call/m);
  for (const args of [["--trace="], ["--trace", "file"]]) {
    const { code, stderr } = await deno([...server, ...args]);
    assertEquals(code, 2);
    assertMatch(stderr, /^[^\n]+ \(--help shows the options\)\n$/);
  }
  const wrong = await deno([...server, "--trace", "--port", "x"]);
  assertStringIncludes(wrong.stderr, "--port takes");
});

Deno.test("schedulers tell of their coroutines only while somebody wants to know", async () => {
  const path = await Deno.makeTempFile();
  const { stdout, stderr } = await evaluate(`
    import { openTrace } from "shared/tools/trace/file.ts";
    import { onCoroutine, traceCoroutines } from "shared/tools/trace/coroutines.ts";
    console.log(typeof onCoroutine);
    traceCoroutines(openTrace("${path}", "main"));
    onCoroutine("created", 1, "egon");
    onCoroutine("created", 2, "alex");
    onCoroutine("running", 1, "egon");
    onCoroutine("suspended", 1, "egon");
    onCoroutine("running", 2, "alex");
    onCoroutine("ended", 2, "alex");
    onCoroutine("running", 1, "egon");
    onCoroutine("ended", 1, "egon");
  `);
  assertEquals([stdout, stderr], ["undefined\n", ""]);
  const events = readTrace(path);
  assertEquals(events[0].args.name, "main");
  const phases = (id: string, name: string) =>
    events.filter((event) => event.id === id && event.name === name).map(({ ph }) => ph).join("");
  assertEquals([phases("1", "egon"), phases("1", "running")], ["be", "bebe"]);
  assertEquals([phases("2", "alex"), phases("2", "running")], ["be", "be"]);
  await Deno.remove(path);
});
