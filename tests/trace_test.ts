/** `deno task trace`, what it does to a script, and counting the calls of a program. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { deadline, delay, retry } from "@std/async";
import { fileURLToPath } from "node:url";
import { linesOf } from "../shared/lines.ts";
import { visit } from "../shared/tools/check/clients.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";
import { subjects } from "../shared/tools/check/subjects.ts";
import { LESSONS } from "../shared/tools/lesson/catalogue.ts";
import { callsBetween, readCounts } from "../shared/tools/lesson/costs.ts";
import { closeTrace } from "../shared/tools/trace/file.ts";
import { recorderUrl } from "../shared/tools/trace/settings.ts";
import { childrenOf, isRunning } from "../shared/tools/process/proc.ts";
import { deno, ROOT } from "./processes.ts";
import { readTrace, recorded, resultsOf } from "./trace_events.ts";

const MAIN = ["run", "-A", "shared/tools/trace/main.ts"];
const SHARED = new URL("../shared/", import.meta.url).href;

function counted(name: string, counts: string): Subject {
  return recorded(subjects.find((subject) => subject.name === name)!, { counts });
}

function read(path: string) {
  return new Map(callsBetween(new Map(), readCounts(path)).map((call) => [call.name, call]));
}

Deno.test("calls are counted by name, and can be read while the server lives", async () => {
  const path = await Deno.makeTempFile();
  await using server = await Server.start(counted("04 select", path));
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
  await using server = await Server.start(counted("03 nonblocking", path));
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
  await using server = await Server.start(counted("02 threads", path));
  await Promise.all(Array.from({ length: 5 }, () => visit(server)));
  await retry(
    () => assertEquals(read(path).get("close")?.calls, 5),
    { minTimeout: 10, maxAttempts: 10, jitter: 0 },
  );
  const calls = read(path);
  assertEquals([calls.get("accept4")!.calls, calls.get("send")!.calls], [5, 5]);
  await Deno.remove(path);
});

Deno.test("all processes of a server add to the same counts, and have a lane each", async () => {
  const [counts, trace] = [await Deno.makeTempFile(), await Deno.makeTempFile()];
  const subject = subjects.find(({ name }) => name === "19 processes")!;
  const preload = recorderUrl(["--allow-ffi"], { counts, trace, name: "server" });
  await using server = await Server.start({ ...subject, preload });
  await server.settled();
  await Promise.all(Array.from({ length: 8 }, () => visit(server)));
  await retry(
    () => assertEquals(read(counts).get("close")?.calls, 8),
    { minTimeout: 10, maxAttempts: 10, jitter: 0 },
  );
  assertEquals(read(counts).get("posix_spawn")!.calls, 4);
  assertEquals(read(counts).get("send")!.calls, 8);
  const names = readTrace(trace).filter(({ name }) => name === "thread_name")
    .map(({ args }) => args.name);
  assertEquals(names.sort(), ["process 1", "process 2", "process 3", "process 4", "server"]);
  const spawned = readTrace(trace).filter(({ name }) => name === "posix_spawn");
  assertEquals(spawned.map(({ args }) => args.pid).sort(), server.children.sort());
  for (const path of [counts, trace]) await Deno.remove(path);
});

/** Files of a script that is run as it is, and under the recorder. */
async function bareAndRecorded(files: Record<string, string>, settings = {}) {
  const folder = await Deno.makeTempDir();
  for (const [name, code] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, code.replaceAll("shared/", SHARED));
  }
  const trace = `${folder}/trace.json`;
  const preload = recorderUrl(["-A"], { trace, name: "script", ...settings });
  const run = ["run", "-A", "--quiet"];
  const bare = await deno([...run, `${folder}/script.ts`]);
  const under = await deno([...run, "--preload", preload, `${folder}/script.ts`]);
  const events = readTrace(trace);
  await Deno.remove(folder, { recursive: true });
  return { bare, under, events };
}

Deno.test("a bare run wraps nothing and has no subscriber, the recorder all", async () => {
  const { bare, under } = await bareAndRecorded({
    "script.ts": `
      import { channel, tracingChannel } from "node:diagnostics_channel";
      import * as libc from "shared/linux/libc.ts";
      import "shared/client.ts";
      import "shared/ready.ts";
      const families = Object.entries({ ...libc }).filter(([name]) => /[a-z]/.test(name));
      const functions = families.flatMap(([, family]) => Object.entries(family))
        .filter(([name]) => name !== "environ"); // a variable
      const plain = functions.filter(([, f]) => String(f).includes("native code"));
      const names = ["connect", "send", "receive"];
      const clients = names.map((name) => tracingChannel("client:" + name));
      console.log(JSON.stringify({
        plain: plain.map(([name]) => name),
        wrapped: functions.length - plain.length,
        heard: clients.flatMap(({ start, asyncEnd }) =>
          [start.hasSubscribers, asyncEnd.hasSubscribers]
        ),
        switches: channel("coroutine").hasSubscribers,
      }));`,
  });
  const [without, within] = [bare, under].map(({ stdout }) => JSON.parse(stdout));
  assertEquals([without.wrapped, without.switches], [0, false]);
  assertEquals(without.heard, Array(6).fill(false));
  assertGreater(within.wrapped, 35);
  assertEquals(within.plain.sort(), ["__errno_location", "clock_gettime", "getenv", "strerror"]);
  assertEquals([within.heard, within.switches], [Array(6).fill(true), true]);
});

Deno.test("connect, send and receive are published to their subscribers", async () => {
  const { bare } = await bareAndRecorded({
    "script.ts": `
      import { tracingChannel } from "node:diagnostics_channel";
      import { ask } from "shared/client.ts";
      import { connectWhenReady } from "shared/ready.ts";
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const log: string[] = [];
      for (const name of ["connect", "send", "receive"]) {
        tracingChannel("client:" + name).subscribe({
          start: (context) => log.push(name + " begins " + (context as { bytes?: number }).bytes),
          asyncEnd: (context) => log.push(name + ((context as { error?: Error }).error ?? " ends")),
          end() {}, asyncStart() {}, error() {},
        });
      }
      const visiting = connectWhenReady({ host: "127.0.0.1", port: listener.addr.port });
      const served = await listener.accept();
      const connection = await visiting;
      const asking = ask(connection, new TextEncoder().encode("hello"));
      await served.read(new Uint8Array(9));
      await served.write(new TextEncoder().encode("HELLO"));
      await asking;
      console.log(JSON.stringify(log));`,
  });
  const log: string[] = JSON.parse(bare.stdout);
  assertEquals(log.slice(0, 2), ["connect begins undefined", "connect ends"]);
  assertEquals(log.slice(2, 4).sort(), ["receive begins 5", "send begins 5"]);
  assertEquals(log.slice(4), ["send ends", "receive ends"]);
});

Deno.test("errno is kept by what only counts", async () => {
  const counts = await Deno.makeTempFile();
  const { bare, under } = await bareAndRecorded({
    "script.ts": `
      import { tryRecv } from "shared/linux/socket.ts";
      const results = new Set<number>();
      for (let i = 0; i < 100_000; i++) results.add(tryRecv(-1, new Uint8Array(1)));
      console.log([...results].join());`,
    "trace.json": "[]",
  }, { trace: undefined, counts });
  assertEquals([bare.stdout, under.stdout], ["-9\n", "-9\n"]);
  assertEquals(read(counts).get("recv"), {
    name: "recv",
    calls: 100_000,
    failures: new Map([["EBADF", 100_000]]),
  });
  await Deno.remove(counts);
});

const COUNTS_MESSAGES = `
  let [count, sum] = [0, 0];
  self.onmessage = ({ data }) => {
    sum += data;
    if (++count < 10_000) return;
    self.postMessage({ count, sum, name: self.name });
    self.close();
  };`;

Deno.test("no message to a recorded Worker is lost, and it keeps its own name", async () => {
  const { bare, under, events } = await bareAndRecorded({
    "script.ts": `
      const workers = ["one", "two", ""].map((name) =>
        new Worker(new URL("./worker.ts", import.meta.url), { type: "module", ...name && { name } })
      );
      // All messages are sent before any of the threads has begun.
      for (let i = 0; i < 10_000; i++) for (const worker of workers) worker.postMessage(i);
      const answers = await Promise.all(workers.map((worker) =>
        new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data))
      ));
      console.log(JSON.stringify(answers));`,
    "worker.ts": COUNTS_MESSAGES,
  });
  const sum = 10_000 * 9_999 / 2;
  const answers = ["one", "two", ""].map((name) => ({ count: 10_000, sum, name }));
  assertEquals(JSON.parse(bare.stdout), answers);
  assertEquals([under.stdout, under.stderr], [bare.stdout, bare.stderr]);
  const names = events.filter(({ name }) => name === "thread_name").map(({ args }) => args.name);
  assertEquals(names.sort(), ["script", "thread 1", "thread 2", "thread 3"]);
});

Deno.test("an error in a Worker reaches a recorded script, too", async () => {
  const { bare, under } = await bareAndRecorded({
    "script.ts": `
      for (const name of ["throws.ts", "wrong.ts", "missing.ts"]) {
        const worker = new Worker(new URL("./" + name, import.meta.url), { type: "module" });
        const event = await new Promise<ErrorEvent>((resolve) => worker.onerror = (event) => {
          event.preventDefault();
          resolve(event);
        });
        console.log(event.message.split("\\n")[0], event.filename, event.lineno);
      }`,
    "throws.ts": `\n\nthrow new TypeError("thrown in line 3");`,
    "wrong.ts": `const = ;`,
  });
  assertMatch(bare.stdout, /^Uncaught .*TypeError: thrown in line 3 file:.*throws\.ts 3\n/);
  assertEquals(under.stdout.split("\n").slice(0, 2), bare.stdout.split("\n").slice(0, 2));
  assertStringIncludes(under.stdout, "missing.ts");
});

Deno.test("Workers of a Worker are recorded as well, and numbered below it", async () => {
  const { bare, under, events } = await bareAndRecorded({
    "script.ts": `
      const worker = new Worker(new URL("./first.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };`,
    "first.ts": `
      const worker = new Worker(new URL("./second.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }) => self.postMessage(data);`,
    "second.ts": `
      import { tryRecv } from "shared/linux/socket.ts";
      self.postMessage("recv: " + tryRecv(-1, new Uint8Array(1)));
      tryRecv(-2, new Uint8Array(1));
      self.close();`,
  });
  assertEquals([bare.stdout, under.stdout], ["recv: -9\n", "recv: -9\n"]);
  const names = events.filter(({ name }) => name === "thread_name").map(({ args }) => args.name);
  assertEquals(names.sort(), ["script", "thread 1", "thread 1.1"]);
});

/** The modules that a script loads, as Deno itself finds them. */
async function modulesOf(script: string): Promise<string[]> {
  const { stdout } = await deno(["info", "--json", script]);
  const { modules } = JSON.parse(stdout) as { modules: { specifier: string }[] };
  return modules.map(({ specifier }) => specifier);
}

Deno.test("no script loads a tool, except those whose subject is to measure", async () => {
  const folders = [...Deno.readDirSync(LESSONS)].filter(({ isDirectory }) => isDirectory)
    // Lessons 16 and 17 start, measure and compare the servers of the others: they are tools.
    .map(({ name }) => name).filter((name) => !/^1[67]-/.test(name));
  const scripts = folders.flatMap((folder) =>
    [...Deno.readDirSync(new URL(folder, LESSONS))].map(({ name }) => `lessons/${folder}/${name}`)
      .filter((path) => path.endsWith(".ts"))
  );
  assertGreater(scripts.length, 40);
  const loads = await Promise.all(scripts.map(async (script) => {
    const modules = await modulesOf(script);
    assert(modules.length > 0);
    return modules.filter((module) => module.includes("/shared/tools/"));
  }));
  assertEquals(loads.flat(), []);
});

Deno.test("deno task trace logs each call on stderr, and passes the options on", async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    script,
    `import { AF_INET, SOCK_CLOEXEC, SOCK_STREAM, socket } from "${SHARED}linux/socket.ts";
    import { close } from "${SHARED}linux/descriptors.ts";
    close(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC));
    console.log(Deno.args.join());
    Deno.exit(7);`,
  );
  const { code, stdout, stderr } = await deno([...MAIN, script, "--some", "-o", "option"]);
  assertEquals([code, stdout], [7, "--some,-o,option\n"]);
  // The first line may be a computation, and others may have had the core during a call.
  const log = stderr.replaceAll(", preempted yes", "");
  const [, fd] = /^\d+\.\d{6} socket\(AF_INET, SOCK_STREAM\|SOCK_CLOEXEC, IPPROTO_IP\) = (\d+) </m
    .exec(
      log,
    )!;
  assertMatch(log, new RegExp(`^\\d+\\.\\d{6} close\\(${fd}\\) = 0 <\\d\\.\\d{6}>\n$`, "m"));
  await Deno.remove(script);

  const help = await deno([...MAIN, "lessons/01-blocking/server.ts", "--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  assertStringIncludes(help.stdout, "--connections N");
  const wrong = await deno([...MAIN, "lessons/01-blocking/server.ts", "--port", "x"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "--port takes a whole number");
});

Deno.test("deno task trace takes paths from the folder in which it was called", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/script ü.ts`, 'console.log("here", Deno.args.join());');
  const env = { INIT_CWD: folder };
  const { code, stdout } = await deno([...MAIN, "-o", "t ü.json", "script ü.ts", "a", "b"], env);
  assertEquals([code, stdout], [0, "here a,b\n"]);
  const [{ name, args }] = JSON.parse(await Deno.readTextFile(`${folder}/t ü.json`));
  assertEquals([name, args.name], ["process_name", "script ü"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("deno task trace grants the permissions of the header, and no more", async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  const source = 'console.log(Deno.permissions.querySync({ name: "net" }).state);';
  const header = `/**\n * A script.\n *\n * Run:  deno run --allow-ffi ${script}\n */\n`;
  for (const [text, state] of [[source, "granted"], [header + source, "prompt"]]) {
    await Deno.writeTextFile(script, text);
    const { stdout, stderr } = await deno([...MAIN, script]);
    assertEquals([stdout, stderr], [`${state}\n`, ""]);
  }
  await Deno.remove(script);
});

const usage: [args: string[], says: RegExp, code?: number][] = [
  [[], /^deno task trace takes a script/],
  [["-o"], /takes a script/],
  [["-o", "/dev/null/x"], /takes a script/],
  [["--nonsense", "lessons/01-blocking/server.ts"], /takes a script.*: --nonsense/],
  [["no/such/script.ts"], /^no\/such\/script\.ts cannot be read: No such file or directory/],
  [["lessons"], /^lessons is not a script/],
  [["-o", "/dev/null/x", "lessons/01-blocking/server.ts"], /\/dev\/null\/x cannot be written: /],
];
for (const [args, says] of usage) {
  Deno.test(`deno task trace ${args.join(" ")} is one line and exit code 2`, async () => {
    const { code, stdout, stderr } = await deno([...MAIN, ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^[^\n]+\n$/);
    assertMatch(stderr, says);
  });
}

Deno.test("deno task trace --help shows its options", async () => {
  const { code, stdout } = await deno([...MAIN, "--help"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "-o FILE");
});

/** Traces a server with a file; returns what was printed and recorded, when `end` has ended it. */
async function traceToFile(
  args: string[],
  end: (server: { port: number; runner: number; script: number }) => void | Promise<void>,
) {
  const trace = await Deno.makeTempFile();
  const runner = new Deno.Command(Deno.execPath(), {
    args: [...MAIN, "-o", trace, ...args, "--port", "0"],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines = linesOf(runner.stdout);
  const port = Number(/:(\d+)$/.exec((await deadline(lines.next(), 10_000)).value)![1]);
  const [script] = childrenOf(runner.pid);
  await end({ port, runner: runner.pid, script });
  const { code } = await deadline(runner.status, 5000);
  await lines.return(undefined);
  const errors = await new Response(runner.stderr).text();
  const text = await Deno.readTextFile(trace);
  await Deno.remove(trace);
  return { code, text, errors, events: JSON.parse(text), left: isRunning(script) };
}

const ENDS: Record<string, number | ((pids: { runner: number; script: number }) => void)> = {
  "by itself": 0,
  "by SIGINT to both, as Ctrl-C sends it": ({ runner, script }) => {
    Deno.kill(script, "SIGINT");
    Deno.kill(runner, "SIGINT");
  },
  "by SIGINT to the command": ({ runner }) => Deno.kill(runner, "SIGINT"),
  "by SIGTERM to the command": ({ runner }) => Deno.kill(runner, "SIGTERM"),
  "by SIGKILL to the script": ({ script }) => Deno.kill(script, "SIGKILL"),
};
const CODES = [0, 130, 130, 143, 137];

for (const [i, [how, end]] of Object.entries(ENDS).entries()) {
  for (const name of ["03-nonblocking", "02-threads"]) {
    Deno.test(`the file of ${name} is valid when it ends ${how}`, async () => {
      const args = [`lessons/${name}/server.ts`];
      if (end === 0) args.push("--connections", "2");
      const traced = await traceToFile(args, async ({ port, runner, script }) => {
        for (let i = 0; i < 2; i++) await visit({ host: "127.0.0.1", port });
        if (end !== 0) (end as (pids: object) => void)({ runner, script });
      });
      assertEquals([traced.code, traced.errors, traced.left], [CODES[i], "", false]);
      assertMatch(traced.text, /^\[\{"name":.*\n(,\{"name":.*\n)+\]\n$/);
      assertEquals(resultsOf(traced.events).get("listen = 0"), 1);
      assertEquals(resultsOf(traced.events).get("recv = 0"), 2);
    });
  }
}

Deno.test("closeTrace() closes the array behind the last line that is complete", async () => {
  const path = await Deno.makeTempFile();
  const [piece, line] = [64 * 1024, ',{"name":"x"}\n'];
  const first = '[{"name":"first"}\n';
  const cases: [text: string, closed: string][] = [
    ["", "[]\n"],
    [first, `${first}]\n`],
    [first.padEnd(piece), `${first}]\n`],
    // A piece for each thread, with room at its end or half a line.
    [first.padEnd(piece) + line.padEnd(piece), `${first}${line}]\n`],
    [
      `${first}${line}${line.slice(0, 7)}`.padEnd(piece) + line.padEnd(piece),
      `${first}${line}${line}]\n`,
    ],
    [first.padEnd(piece) + (line + line.slice(0, 9)).padEnd(piece), `${first}${line}]\n`],
    // Without pieces, a line may begin in one and end in the next.
    [first + line.repeat(10_000), `${first}${line.repeat(10_000)}]\n`],
    [first + line.repeat(10_000) + line.slice(0, 5), `${first}${line.repeat(10_000)}]\n`],
  ];
  for (const [text, closed] of cases) {
    await Deno.writeTextFile(path, text);
    closeTrace(path);
    const result = await Deno.readTextFile(path);
    assertLess(result.length, text.length + 4);
    assertEquals(result, closed);
    JSON.parse(result);
  }
  await Deno.remove(path);
});

Deno.test("a script that cannot be started is reported by Deno, with its exit code", async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, "const = ;");
  const { code, stderr } = await deno([...MAIN, fileURLToPath(new URL(`file://${script}`))]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "SyntaxError");
  await Deno.remove(script);
});
