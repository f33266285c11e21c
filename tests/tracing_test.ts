/** The recorder: what it records of a script, as text and as a file that Perfetto opens. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { deadline, delay } from "@std/async";
import { LESSONS, servers } from "../shared/tools/lesson/catalogue.ts";
import { meet } from "../shared/tools/check/clients.ts";
import { sleep } from "../shared/linux/time.ts";
import { Server } from "../shared/tools/check/server.ts";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { Activity, now } from "../shared/tools/trace/activity.ts";
import { recorderUrl } from "../shared/tools/trace/settings.ts";
import { deno } from "./processes.ts";
import { subjectOf } from "./mutants/mutants.ts";
import { readTrace, recorded, resultsOf } from "./trace_events.ts";

/** Runs a server until its clients have come and gone, and reads its trace. */
async function traceServer(name: string, clients: number, kill = false) {
  const trace = await Deno.makeTempFile();
  const subject = recorded(subjectOf(name), { trace });
  const args = kill ? [] : ["--connections", String(clients)];
  await using server = await Server.start(subject, { args });
  await Promise.all(Array.from({ length: clients }, () => meet(server)));
  if (kill) {
    await delay(150);
    await server.stop("SIGKILL");
  } else await deadline(server.ended, 5000);
  const events = readTrace(trace);
  const { size } = await Deno.stat(trace);
  await Deno.remove(trace);
  return { events, size };
}

/** A test of a server that this machine may lack. */
function test(name: string, subject: { needsIoUring?: true }, fn: () => Promise<void>) {
  const reason = unavailable(subject);
  const skipped = reason ? ` (skipped: ${reason})` : "";
  Deno.test({ name: name + skipped, ignore: reason !== undefined, fn });
}

for (const { name, permissions, native, needsIoUring } of servers) {
  test(`the trace of ${name} keeps the rules of the format`, { needsIoUring }, async () => {
    const { events } = await traceServer(name, 3);
    const names = events.filter(({ ph }) => ph === "M").map(({ name, args }) => [name, args.name]);
    // A server that may not call libc has no thread of which calls are recorded.
    const threads = permissions.includes("--allow-ffi") ? [["thread_name", "server"]] : [];
    assertEquals(names.slice(0, 1 + threads.length), [["process_name", "server"], ...threads]);
    if (native) return; // its calls are not ours
    // With SO_REUSEPORT, each thread has its own listener.
    const listeners = name === "20 loop-per-core" ? names.length - 2 : 1;
    assertEquals(resultsOf(events).get("listen = 0"), listeners);
    if (needsIoUring) return;
    const accepted = events.filter(({ name, args }) => name === "accept4" && args.result !== -1);
    assertEquals(accepted.length, 3);
  });
}

const uring = "the operations of an io_uring begin and end, and completions are counted";
test(uring, { needsIoUring: true }, async () => {
  const { events } = await traceServer("09 io-uring", 3);
  const operations = events.filter(({ cat }) => cat === "io_uring");
  const received = operations.filter(({ ph, name }) => ph === "e" && name === "recv");
  assertEquals(received.filter(({ args: { result } }) => result === 0).length, 3);
  const completed = events.filter(({ name }) => name === "io_uring_enter")
    .reduce((sum, { args: { completed } }) => sum + Number(completed), 0);
  assertEquals(completed, operations.filter(({ ph }) => ph === "n" || ph === "e").length);
});

Deno.test("a trace is complete when the server is killed, and small where it polls", async () => {
  const { events, size } = await traceServer("03 nonblocking", 2, true);
  const polled = resultsOf(events).get("accept4 = -1 EAGAIN")!;
  assertGreater(polled, 1000);
  assertLess(size, 300_000);
  assertLess(events.length, 500);
  const long = events.filter(({ args: { count = 0 } }) => Number(count) > 100);
  assertGreater(long.length, 0);
  assertGreater(long.reduce((sum, { dur }) => sum + dur!, 0), 10_000); // microseconds
});

Deno.test("the threads of a server are apart in one file, by number and name", async () => {
  const { events } = await traceServer("02 threads", 4);
  const threads = events.filter(({ name }) => name === "thread_name");
  const names = threads.map(({ args }) => args.name).sort();
  assertEquals(names, ["server", "thread 1", "thread 2", "thread 3", "thread 4"]);
  assertEquals(new Set(threads.map(({ tid }) => tid)).size, 5);
  const receiving = events.filter(({ name }) => name === "recv").map(({ tid }) => tid);
  assertEquals(new Set(receiving).size, 4);
});

Deno.test("SIGIO is recorded whenever the server's listener is called", async () => {
  const { events } = await traceServer("08 signal-driven", 1);
  const called = events.filter(({ name, ph }) => name === "SIGIO" && ph === "i").length;
  assertGreater(called, 0);
  const { stderr } = await evaluate(`
    let calls = 0;
    Deno.addSignalListener("SIGUSR1", () => calls++);
    for (let i = 1; i <= 3; i++) {
      Deno.kill(Deno.pid, "SIGUSR1");
      while (calls < i) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    Deno.exit(0);`);
  assertEquals(stderr.match(/^.*\bSIGUSR1\b.*$/gm)?.length, 3, stderr);
});

Deno.test("without a file, each call is a line on stderr, as from strace", async () => {
  const subject = recorded(subjectOf("06 epoll"), { trace: "" });
  let lines: readonly string[];
  {
    await using server = await Server.start(subject, { args: ["--connections", "1"] });
    lines = server.errors;
    await meet(server);
    await deadline(server.ended, 5000);
  } // where all that it has written is read
  // Others may have had the core during any of the calls.
  const stderr = lines.join("\n").replaceAll(", preempted yes", "");
  for (const line of lines) assertMatch(line, /^\d+\.\d{6} .* <\d+\.\d{6}>$/);
  assertStringIncludes(
    stderr,
    " socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, IPPROTO_IP) = ",
  );
  const [, listener] = /setsockopt\((\d+), SOL_SOCKET, SO_REUSEADDR, 1\) = 0/.exec(stderr)!;
  assertMatch(stderr, new RegExp(`bind\\(${listener}, 127\\.0\\.0\\.1:0\\) = 0 <`));
  assertMatch(
    stderr,
    new RegExp(`epoll_ctl\\(\\d+, EPOLL_CTL_ADD, ${listener}, {EPOLLIN}\\) = 0 <`),
  );
  assertMatch(
    stderr,
    new RegExp(`epoll_wait\\(\\d+, 1024, -1\\) = 1, ready ${listener} EPOLLIN <`),
  );
  const accepted = Number(/accept4\(\d+, [A-Z_|]+\) = (\d+), peer \d+ </.exec(stderr)![1]);
  assertMatch(stderr, new RegExp(`epoll_wait\\(.*\\) = 1, ready ${accepted} EPOLLIN <`));
  assertMatch(stderr, new RegExp(`recv\\(${accepted}, 65536\\) = [1-9]\\d* <`));
  assertMatch(stderr, new RegExp(`recv\\(${accepted}, 65536\\) = 0 <`));
  assertMatch(stderr, new RegExp(`close\\(${accepted}\\) = 0 <`));
});

Deno.test("select and poll show which descriptors they found, three at the most", async () => {
  const { stderr } = await evaluate(`
    import { close } from "shared/linux/descriptors.ts";
    import { poll, POLLIN, PollList, POLLOUT } from "shared/linux/poll.ts";
    import { FdSet, select } from "shared/linux/select.ts";
    import * as linux from "shared/linux/socket.ts";
    const listener = linux.listenTcp({ host: "127.0.0.1", port: 0 });
    const fds = [1, 2, 3, 4].map(() => linux.socket(linux.AF_INET, linux.SOCK_STREAM));
    for (const fd of fds) linux.connect(fd, linux.getsockname(listener));
    const list = new PollList();
    list.add(listener, POLLIN);
    for (const fd of fds) list.add(fd, POLLOUT);
    poll(list);
    const [read, write] = [new FdSet(), new FdSet()];
    read.add(listener);
    write.add(fds[0]);
    select(Math.max(listener, ...fds) + 1, read, write, null);
    console.error("fds", listener, ...fds);
  `);
  const log = stderr.replaceAll(", preempted yes", "");
  const [listener, ...fds] = /^fds (.*)$/m.exec(log)![1].split(" ");
  const ready = `${listener} POLLIN, ${fds[0]} POLLOUT, ${fds[1]} POLLOUT, …`;
  assertStringIncludes(log, ` poll(5, -1) = 5, ready ${ready} <`);
  assertMatch(log, new RegExp(` select\\(\\d+\\) = 2, ready ${listener} in, ${fds[0]} out <`));
});

/** Runs code under the recorder. It may import what is in `shared/`. */
async function evaluate(code: string, ...permissions: string[]) {
  const folder = await Deno.makeTempDir();
  const source = code.replaceAll("shared/", new URL("../shared/", import.meta.url).href);
  await Deno.writeTextFile(`${folder}/script.ts`, source);
  if (permissions.length === 0) permissions = ["-A"];
  const preload = recorderUrl(permissions, { trace: "", name: "script" });
  const run = ["run", "--quiet", "--no-prompt", ...permissions, "--preload", preload];
  const ended = await deno([...run, `${folder}/script.ts`]);
  await Deno.remove(folder, { recursive: true });
  return ended;
}

Deno.test("a failing call that is recorded keeps its errno, and its name in the text", async () => {
  const { stdout, stderr } = await evaluate(`
    import { AF_INET, SOCK_STREAM, socket, tryAccept4, tryRecv } from "shared/linux/socket.ts";
    const results = new Set();
    let garbage: unknown[] = [];
    for (let i = 0; i < 100_000; i++) {
      results.add(tryRecv(-1, new Uint8Array(1)));
      garbage.push({ i, text: String(i) });
      if (i % 1000 === 0) garbage = [];
    }
    tryRecv(1, new Uint8Array(1));
    tryAccept4(-1);
    socket(AF_INET, SOCK_STREAM); // succeeds, which ends the run of failures
    console.log(JSON.stringify([...results]));
  `);
  assertEquals(stdout, "[-9]\n");
  const times = [...stderr.matchAll(
    /recv\((?:-1|several), 1\) = -1 EBADF \(Bad file descriptor\)(?:, ([\d,]+) times)?.* </g,
  )].map(([, count]) => Number((count ?? "1").replaceAll(",", "")));
  assertEquals(times.reduce((a, b) => a + b, 0), 100_000);
});

Deno.test("a computation is recorded as such, a time without calls is not", async () => {
  const { stderr } = await evaluate(`
    import { AF_INET, SOCK_STREAM, socket } from "shared/linux/socket.ts";
    import { close } from "shared/linux/descriptors.ts";
    for (let i = 0; i < 40; i++) {
      close(socket(AF_INET, SOCK_STREAM));
      await new Promise((resolve) => setTimeout(resolve, 5));
      close(socket(AF_INET, SOCK_STREAM));
      for (const start = performance.now(); performance.now() - start < 5;);
    }
    close(socket(AF_INET, SOCK_STREAM));
  `);
  const computed = [...stderr.matchAll(/--- computing cpu=(\d+) --- <([\d.]+)>/g)];
  const long = computed.filter(([, , seconds]) => Number(seconds) > 0.004);
  // Where others had the core for most of the time, it was not computing.
  assertGreater(long.length, 0, stderr);
  assertLess(long.length, 60, stderr); // of 80, if the pauses were; the start of the script is one
});

Deno.test("a thread that waits for memory to change is recorded as one that waits", async () => {
  const { stderr } = await evaluate(`
    const memory = new Int32Array(new SharedArrayBuffer(8));
    Atomics.wait(memory, 1, 0, 20);
    Atomics.wait(memory, 0, 7);`);
  const waits = [...stderr.matchAll(/ Atomics\.wait\((\d), (\d)\) = (\S+) <([\d.]+)>/g)];
  assertEquals(waits.map(([, ...call]) => call.slice(0, 3)), [
    ["1", "0", "timed-out"],
    ["0", "7", "not-equal"],
  ]);
  assertGreater(Number(waits[0][4]), 0.018);
});

Deno.test("a thread that has lost its core in the middle of a computation still computed", () => {
  // Two other threads for each core want it as well, so this one gets a third of the time.
  // They end by themselves: terminate() does not end a thread that spins.
  const over = new Int32Array(new SharedArrayBuffer(4));
  const spin = "self.onmessage = ({ data }) => { while (Atomics.load(data, 0) === 0); };";
  const others = Array.from({ length: 2 * navigator.hardwareConcurrency }, () => {
    const other = new Worker(`data:text/javascript,${spin}`, { type: "module" });
    other.postMessage(over);
    return other;
  });
  try {
    const results = Array.from({ length: 20 }, () => {
      const activity = new Activity();
      for (const end = performance.now() + 30; performance.now() < end;);
      return activity.beforeCall(now());
    });
    // The engine may wait for one of its own threads now and then.
    assertGreater(results.filter((result) => result !== undefined).length, 10);
    for (let i = 0; i < 5; i++) {
      const activity = new Activity();
      sleep(30);
      assertEquals(activity.beforeCall(now()), undefined);
    }
  } finally {
    Atomics.store(over, 0, 1);
    for (const other of others) other.terminate();
  }
});

Deno.test("a call that waits is not taken for one that lost its core, or the reverse", () => {
  const activity = new Activity();
  function took(milliseconds: number, work: (end: number) => void): boolean {
    const start = now();
    activity.beforeCall(start);
    work(performance.now() + milliseconds);
    return activity.afterCall(start, now());
  }
  function compute(end: number) {
    while (performance.now() < end);
  }
  const results = Array.from({ length: 20 }, () => [took(3, compute), took(3, () => sleep(3))]);
  assert(results.every(([, slept]) => !slept), "a wait was taken for a time without a core");
  // The engine may wait for one of its own threads now and then.
  assertGreater(results.filter(([computed]) => computed).length, 10);
  assertEquals([took(0, compute), took(0, compute)], [false, false]);
});

Deno.test("a client's connects, sends and waits are in a trace of the same format", async () => {
  const trace = await Deno.makeTempFile();
  await using server = await Server.start(subjectOf("01 blocking"));
  const permissions = ["--allow-net", `--allow-write=${trace}`];
  const preload = recorderUrl(permissions, { trace, name: "client" });
  const script = new URL("01-blocking/client.ts", LESSONS).href;
  const args = ["--port", String(server.port), "--pause", "100"];
  const run = ["run", "--no-prompt", ...permissions, "--preload", preload, script, ...args];
  const { code, stderr } = await deno(run);
  assertEquals([code, stderr], [0, ""]);
  const events = readTrace(trace);
  for (const client of [1, 2, 3]) {
    const own = events.filter(({ tid, ph }) => tid === client && ph === "X");
    assertEquals(own.map(({ name }) => name), ["connect", "send", "wait for the reply"]);
    assertEquals(own.slice(1).map(({ args: { bytes } }) => bytes), [5, 5]);
  }
  const waits = events.filter(({ name }) => name === "wait for the reply");
  assertGreater(waits.find(({ tid }) => tid === 2)!.dur!, 50_000);
  await Deno.remove(trace);
});

Deno.test("switches of coroutines are recorded as they are published", async () => {
  const trace = await Deno.makeTempFile();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/script.ts`,
    `
    import { channel } from "node:diagnostics_channel";
    const switches = channel("coroutine");
    function publish(state: string, id: number, name: string) {
      switches.publish({ state, id, name });
    }
    publish("created", 1, "egon");
    publish("created", 2, "alex");
    publish("running", 1, "egon");
    publish("suspended", 1, "egon");
    publish("running", 2, "alex");
    publish("ended", 2, "alex");
    publish("running", 1, "egon");
    publish("ended", 1, "egon");`,
  );
  for (const permissions of [[`--allow-write=${trace}`], ["--allow-ffi"]]) {
    const preload = recorderUrl(permissions, { trace, name: "main" });
    const run = ["run", "--no-prompt", ...permissions, "--preload", preload];
    const { code, stderr } = await deno([...run, `${folder}/script.ts`]);
    assertEquals([code, stderr], [0, ""]);
    const events = readTrace(trace);
    assertEquals(events[0].args.name, "main");
    const phases = (id: string, name: string) =>
      events.filter((event) => event.id === id && event.name === name).map(({ ph }) => ph);
    assertEquals(phases("1", "egon"), ["b", "e"]);
    assertEquals(phases("1", "running"), ["b", "e", "b", "e"]);
    assertEquals(phases("2", "alex"), ["b", "e"]);
    assertEquals(phases("2", "running"), ["b", "e"]);
  }
  await Deno.remove(trace);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a trace holds names of any characters, across its pieces of 64 KiB", async () => {
  const trace = await Deno.makeTempFile();
  const names = ["客户-7", "bedienü", "🦕", 'quo"te', "x"];
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/script.ts`,
    `
    import { channel } from "node:diagnostics_channel";
    const switches = channel("coroutine");
    const names = ${JSON.stringify(names)};
    for (let id = 0; id < 2000; id++) {
      // The lines have different lengths, so that they come to the end of a piece in many ways.
      const name = names[id % names.length].repeat(1 + id % 97);
      for (const state of ["created", "ended"]) switches.publish({ state, id, name });
    }`,
  );
  for (const permissions of [[`--allow-write=${trace}`], ["--allow-ffi"]]) {
    const preload = recorderUrl(permissions, { trace, name: "客户" });
    const run = ["run", "--no-prompt", ...permissions, "--preload", preload];
    const { code, stderr } = await deno([...run, `${folder}/script.ts`]);
    assertEquals([code, stderr], [0, ""]);
    const events = readTrace(trace);
    assertEquals(events[0].args.name, "客户");
    const begun = events.filter(({ ph }) => ph === "b");
    assertEquals(begun.length, 2000);
    for (const { id, name } of begun) {
      const i = Number(id);
      assertEquals(name, names[i % names.length].repeat(1 + i % 97));
    }
    assertGreater((await Deno.stat(trace)).size, 3 * 64 * 1024);
  }
  await Deno.remove(trace);
  await Deno.remove(folder, { recursive: true });
});

/** Runs a script under the recorder and without it, ends it by SIGINT, and returns its ends. */
async function interrupted(code: string): Promise<(string | number)[][]> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, code);
  const ends: (string | number)[][] = [];
  for (const preload of [undefined, recorderUrl(["-A"], { trace: "", name: "script" })]) {
    const first = preload === undefined ? [] : ["--preload", preload];
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", ...first, script],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = process.stdout.getReader();
    let output = new TextDecoder().decode((await reader.read()).value); // when it is ready
    process.kill("SIGINT");
    const { signal, code } = await deadline(process.status, 5000);
    while (true) {
      const { value, done } = await reader.read();
      if (done) break;
      output += new TextDecoder().decode(value);
    }
    ends.push([output, signal ?? code]);
  }
  await Deno.remove(script);
  return ends;
}

const WAITS = 'console.log("ready"); setTimeout(() => {}, 5000);';

Deno.test("a recorded listener for a signal is called once for each signal", async () => {
  const [plain, under] = await interrupted(`
    let calls = 0;
    const listener = () => { console.log("one", ++calls); setTimeout(() => Deno.exit(3), 50); };
    Deno.addSignalListener("SIGINT", listener);
    Deno.addSignalListener("SIGINT", listener);
    Deno.addSignalListener("SIGINT", () => console.log("other"));
    ${WAITS}`);
  assertEquals(under, plain);
  assertMatch(String(plain[0]), /one 1\n(.*\n)*other\n/);
});

Deno.test("without the removed listener, Ctrl-C ends a recorded script", async () => {
  const [plain, under] = await interrupted(`
    const listener = () => console.log("not removed");
    Deno.addSignalListener("SIGINT", listener);
    Deno.addSignalListener("SIGTERM", listener);
    Deno.removeSignalListener("SIGINT", listener);
    ${WAITS}`);
  assertEquals(plain, ["ready\n", "SIGINT"]);
  assertEquals(under, plain);
});

Deno.test("of two listeners for a signal, the one that is not removed stays", async () => {
  const [plain, under] = await interrupted(`
    const removed = () => console.log("not removed");
    Deno.addSignalListener("SIGINT", removed);
    Deno.addSignalListener("SIGINT", () => Deno.exit(4));
    Deno.removeSignalListener("SIGINT", removed);
    ${WAITS}`);
  assertEquals(plain, ["ready\n", 4]);
  assertEquals(under, plain);
});

Deno.test("a removed listener can be added again", async () => {
  const [plain, under] = await interrupted(`
    const listener = () => Deno.exit(5);
    for (let i = 0; i < 3; i++) {
      Deno.addSignalListener("SIGINT", listener);
      Deno.removeSignalListener("SIGINT", listener);
    }
    Deno.addSignalListener("SIGINT", listener);
    ${WAITS}`);
  assertEquals(plain, ["ready\n", 5]);
  assertEquals(under, plain);
});
