/** `deno task lesson:NN`: the runner, and what the lessons promise. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { deadline, delay } from "@std/async";
import { catalogue } from "../shared/tools/lesson/catalogue.ts";
import { Child } from "../shared/tools/process/child.ts";
import { childrenOf, isRunning, Meter } from "../shared/tools/process/proc.ts";
import { recorderUrl } from "../shared/tools/trace/settings.ts";
import { deno, ROOT, terminal } from "./processes.ts";
import { readTrace } from "./trace_events.ts";

const MAIN = ["run", "-A", "shared/tools/lesson/main.ts"];

/** The number before some text in an output, whose thousands are separated by commas. */
function numberBefore(output: string, text: string): number {
  const match = new RegExp(`([\\d.,]+) ?${text}`).exec(output);
  assert(match !== null, `there is no number before "${text}" in:\n${output}`);
  return Number(match[1].replaceAll(",", ""));
}

/** Processes with the text in their command line. */
function processesWith(text: string): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(text);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

Deno.test("deno task lesson lists the lessons with their ideas and their commands", async () => {
  const { code, stdout } = await deno(MAIN);
  assertEquals(code, 0);
  for (const { number, title, idea } of catalogue) {
    assertStringIncludes(
      stdout,
      `  ${number} · ${title}: ${idea}\n       deno task lesson:${number}\n`,
    );
  }
});

Deno.test("a lesson that does not exist is one line and exit code 2", async () => {
  const { code, stdout, stderr } = await deno([...MAIN, "99"]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(
    stderr,
    "there is no lesson 99; deno task lesson lists them (--help shows the options)\n",
  );
});

Deno.test("lesson 00 shows both phases for each size, and ends with the matrix", async () => {
  const { code, stdout } = await deno([...MAIN, "00"]);
  assertEquals(code, 0);
  const row = /([\d,]+) B in \d+ recv calls: waited +([\d.]+) ms, woke up and copied +([\d.]+) ms/g;
  const rows = [...stdout.matchAll(row)].map((match) =>
    match.slice(1).map((number) => Number(number.replaceAll(",", "")))
  );
  const sizes = [5, 65_536, 1_048_576, 8_388_608];
  assertEquals(rows.map(([size]) => size), sizes.flatMap((size) => [size, size]));
  // Each client pauses for 100 ms; a server that comes late to its socket has waited for less.
  assertGreater(rows.filter(([, waited]) => waited > 30).length, 4); // of 8
  const copies = rows.map(([, , copied]) => copied);
  assertGreater(Math.min(...copies.slice(-2)), 5 * Math.min(...copies.slice(0, 2)));
  // The models of lessons 01 to 09; those that come after them are built on these.
  for (const { number, folder } of catalogue.slice(1)) {
    if (number < "10") assertStringIncludes(stdout, folder.replace("-", " "));
  }
});

Deno.test("lesson 01 lets the second client wait for the first, lesson 02 does not", async () => {
  const waits: number[] = [];
  for (const number of ["01", "02"]) {
    const { code, stdout } = await deno([...MAIN, number]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "3 clients, 3 correct replies");
    assertLess(Number(/client 2: connected after ([\d.]+) ms/.exec(stdout)![1]), 100);
    waits.push(Number(/client 2: said hello, reply after ([\d.]+) ms/.exec(stdout)![1]));
  }
  assertGreater(waits[0], 900);
  assertLess(waits[1], waits[0] / 2);
});

Deno.test("lesson 03 burns a core and counts EAGAIN, lesson 04 sleeps", async () => {
  const polling = await deno([...MAIN, "03"]);
  assertEquals(polling.code, 0);
  assertStringIncludes(polling.stdout, "20 clients, 20 correct replies");
  assertGreater(numberBefore(polling.stdout, "EAGAIN"), 10_000);
  const multiplexing = await deno([...MAIN, "04"]);
  assertEquals(multiplexing.code, 0);
  assertStringIncludes(multiplexing.stdout, "10 clients, 10 correct replies");
  assertLess(numberBefore(multiplexing.stdout, "% of a core"), 10);
  // It would have a whole core, but others may want it as well.
  assertGreater(numberBefore(polling.stdout, "% of a core"), 10);
});

Deno.test({
  name: "the memory of a process is known also if it has ended, and not been waited for",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // A parent that does not wait for its child, which ends first.
    const parent = new Deno.Command("sh", {
      args: ["-c", "sleep 0.2 & echo $!; exec sleep 10"],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = parent.stdout.getReader();
    const pid = Number(new TextDecoder().decode((await reader.read()).value));
    {
      using meter = new Meter(pid);
      const { memory } = meter.read();
      while (!Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ")) await delay(10);
      assertGreater(memory, 0);
      assertGreater(meter.read().memory, memory - 1);
    }
    parent.kill("SIGKILL");
    await parent.status;
    while (!(await reader.read()).done);
  },
});

Deno.test("lesson 12 draws a lane for each of its coroutines", async () => {
  const { code, stdout } = await deno([...MAIN, "12", "--seconds", "1", "--coroutines", "3"]);
  assertEquals(code, 0);
  const timeline = stdout.slice(stdout.indexOf("When it did what\n"));
  for (const name of ["coroutine 1", "coroutine 2", "coroutine 3"]) {
    // It works at the start and at the end. How high a bar is, and whether the first column begins
    // with a wait, depends on how busy the machine is.
    assertMatch(timeline, new RegExp(`^  ${name}  [ ░]?[▂▆]+░+([▂▆]+░+)?[▂▆]+$`, "m"));
  }
});

Deno.test("lesson 12 publishes the switches of its coroutines, in pairs", async () => {
  const trace = await Deno.makeTempFile();
  const script = "lessons/12-sleep-scheduler/main.ts";
  const permissions = [`--allow-write=${trace}`];
  const preload = recorderUrl(permissions, { trace, name: "main" });
  const run = ["run", "--no-prompt", ...permissions, "--preload", preload, script];
  const { code } = await deno([...run, "--seconds", "0", "--coroutines", "2"]);
  assertEquals(code, 0);
  const events = readTrace(trace).filter(({ cat }) => cat === "coroutine");
  const first = events.filter(({ id }) => id === "1").map(({ ph, name }) => `${ph} ${name}`);
  assertEquals(first, [
    "b coroutine 1",
    ...["b running", "e running"],
    ...["b running", "e running"],
    "e coroutine 1",
  ]);
  await Deno.remove(trace);
});

Deno.test("lesson 04 turns away clients whose descriptor does not fit into an fd_set", async () => {
  const { code, stdout, stderr } = await deno([...MAIN, "04", "--clients", "1100"]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "turned away: descriptor 1024 does not fit into an fd_set of 1024");
  const correct = numberBefore(stdout, "correct replies");
  assertGreater(correct, 950);
  assertLess(correct, 1024);
  assertEquals(stderr, "the client ended with exit code 1\n");
});

Deno.test("output that is piped has no escape codes, and whole lines with their side", async () => {
  const { stdout, stderr } = await deno([...MAIN, "03", "--clients", "100", "--pause", "50"], {
    NO_COLOR: "",
  });
  assertEquals(stderr, "");
  assert(!stdout.includes("\x1b"), "there are escape codes");
  assertStringIncludes(stdout, "client │ 100 clients, 100 correct replies");
  const [run] = stdout.split("\n\n");
  for (const line of run.split("\n")) assertMatch(line, /^(server|client) │ /);
  assertMatch(stdout, /\nNext: deno task lesson:04 \(.*\)\n$/);
});

Deno.test({
  name: `output at a terminal has colours${terminal ? "" : " (skipped: there is no script(1))"}`,
  ignore: terminal === undefined,
  fn: async () => {
    const lesson = "shared/tools/lesson/main.ts 03 --clients 1 --pause 10";
    const command = `unset NO_COLOR CI; ${Deno.execPath()} run -A ${lesson}`;
    const { code, stdout } = await new Deno.Command(terminal!, {
      args: ["-qec", command, "/dev/null"],
      cwd: ROOT,
      env: { TERM: "xterm-256color" },
      stdin: "null",
    }).output();
    assertEquals(code, 0);
    assertStringIncludes(new TextDecoder().decode(stdout), "\x1b[36mserver │\x1b[39m listening on");
  },
});

for (
  const [args, says] of [
    [
      ["03", "--port", "80"],
      "the runner chooses --port itself; a script that is run by hand takes it",
    ],
    [["--nonsense"], "deno task lesson knows no option --nonsense"],
  ] as const
) {
  Deno.test(`deno task lesson ${args.join(" ")} is one line and exit code 2`, async () => {
    const { code, stdout, stderr } = await deno([...MAIN, ...args]);
    assertEquals([code, stdout, stderr], [2, "", `${says} (--help shows the options)\n`]);
  });
}

Deno.test("deno task lesson --help shows what there is", async () => {
  const { code, stdout } = await deno([...MAIN, "--help"]);
  assertEquals(code, 0);
  for (const option of ["--help", "--svg FILE", "--watch"]) assertStringIncludes(stdout, option);
});

Deno.test("a wrong option is one line and exit code 2, --help needs no server", async () => {
  const wrong = await deno([...MAIN, "03", "--clients", "none"]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stdout, /^server.*\nclient │ --clients takes a whole number [^\n]*\n$/);
  const help = await deno([...MAIN, "03", "--help"]);
  assertEquals(help.code, 0);
  assertMatch(help.stdout, /--clients N/);
  assert(!help.stdout.includes("listening"), "a server was started for the help");
});

/** Scripts in the place of a lesson's, run by the runner. */
async function runScripts(server: string, client: string) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/server.ts`, server);
    await Deno.writeTextFile(`${folder}/client.ts`, client);
    const run = new URL("../shared/tools/lesson/run.ts", import.meta.url);
    const lesson = {
      ...catalogue[0],
      number: "98", // which has no closing sentence
      folder: new URL(folder, "file:").href,
      server: { permissions: ["-A"] },
      client: { permissions: ["--allow-net"] },
    };
    const code = `
      import { runLesson } from "${run}";
      Deno.exit(await runLesson(${JSON.stringify(lesson)}, []));`;
    return await deno(["run", "-A", `data:text/javascript,${encodeURIComponent(code)}`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const LISTENS = `const listener = Deno.listen({ port: 0 });
  console.log("listening on 127.0.0.1:" + listener.addr.port);`;
const WAITS = `await new Promise((resolve) => setTimeout(resolve, 60_000));`;

Deno.test("a server that crashes ends the lesson with exit code 1", async () => {
  const { code, stderr } = await runScripts(
    `${LISTENS} setTimeout(() => Deno.exit(7), 200);`,
    WAITS,
  );
  assertEquals(code, 1);
  assertEquals(stderr, "the server ended with exit code 7 while the client was running\n");
});

Deno.test("a server that ends before it listens ends the lesson with exit code 1", async () => {
  const { code, stdout, stderr } = await runScripts(
    `console.error("no luck"); Deno.exit(3);`,
    WAITS,
  );
  assertEquals(code, 1);
  assertStringIncludes(stdout, "server │ no luck\n");
  assertEquals(stderr, "the server ended with exit code 3 before it listened\n");
});

Deno.test("a client that got a wrong reply ends the lesson with exit code 1", async () => {
  const { code, stderr } = await runScripts(`${LISTENS} ${WAITS}`, "Deno.exit(1);");
  assertEquals(code, 1);
  assertEquals(stderr, "the client ended with exit code 1\n");
});

/** A server that uses 0.3 s of CPU time before its reply, if it is recorded. */
const SLOW_IF_RECORDED = `
  import { channel } from "node:diagnostics_channel";
  import process from "node:process";
  import { getrlimit } from "${new URL("../shared/linux/descriptors.ts", import.meta.url)}";
  ${LISTENS}
  const most = channel("coroutine").hasSubscribers ? 300_000 : 0;
  const connection = await listener.accept();
  getrlimit(7); // a call, without which there is no report of calls
  for (const before = process.cpuUsage(); process.cpuUsage(before).user < most;);
  await connection.write(new Uint8Array(1));
  ${WAITS}`;
const VISITS = `
  const connection = await Deno.connect({ port: Number(Deno.args[1]) });
  await connection.read(new Uint8Array(1));
  console.log("1 clients, 1 correct replies, longest wait 0.1 ms");`;

Deno.test("the costs come from a run that nothing watched, the calls do not", async () => {
  const { code, stdout, stderr } = await runScripts(SLOW_IF_RECORDED, VISITS);
  assertEquals([code, stderr], [0, ""]);
  const costs = stdout.slice(stdout.indexOf("\nWhat it cost the server\n"));
  assertLess(numberBefore(costs, "s, \\d+ % of a core"), 0.2);
  const recorded = /^ {2}CPU time, recorded +([\d.]+) s$/m.exec(costs)!;
  assertGreater(Number(recorded[1]), 0.29);
  assertGreater(recorded.index, costs.indexOf("in a second run, under the recorder"));
});

/** The command lines of the scripts that a run of a lesson starts, in their order. */
async function commandLinesOf(args: string[]): Promise<{ name: string; recorded: boolean }[]> {
  const runner = new Deno.Command(Deno.execPath(), {
    args: [...MAIN, ...args],
    cwd: ROOT,
    env: { XDG_STATE_HOME: "/dev/null" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const seen = new Map<number, string>();
  let ended = false;
  runner.status.then(() => ended = true);
  while (!ended) {
    for (const pid of childrenOf(runner.pid)) {
      try {
        const line = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
        // Before it becomes the script, a child is a copy of the runner.
        if (line.includes("lessons/")) seen.set(pid, line);
      } catch {
        // It has just ended.
      }
    }
    await delay(2);
  }
  assertEquals((await runner.status).code, 0);
  return [...seen.values()].map((line) => ({
    name: /lessons\/\S+?\/(\w+)\.ts/.exec(line)![1],
    recorded: line.includes("--preload"),
  }));
}

const RUNS: [args: string[], scripts: string[]][] = [
  [
    ["03", "--pause", "200"],
    ["server", "client", "server recorded", "client recorded"],
  ],
  [["12", "--seconds", "0"], ["main", "main recorded"]],
];
for (const [args, scripts] of RUNS) {
  Deno.test(`lesson ${args.join(" ")} runs bare, and then again under the recorder`, async () => {
    const lines = await commandLinesOf(args);
    assertEquals(lines.map(({ name, recorded }) => recorded ? `${name} recorded` : name), scripts);
  });
}

Deno.test("a lesson takes less than three times as long as its scenario", async () => {
  const start = performance.now();
  const { code, stdout } = await deno([...MAIN, "04"]);
  const took = performance.now() - start;
  assertEquals(code, 0);
  const scenario = 1000 * Number(/wall time +([\d.]+) s/.exec(stdout)![1]);
  assertGreater(scenario, 1000);
  assertLess(took, 3 * scenario);
});

Deno.test("the rows of --watch are the costs, the calls, and those of a program", async () => {
  const run = new URL("../shared/tools/lesson/run.ts", import.meta.url);
  const code = `
    import { runLesson } from "${run}";
    import { catalogue } from "${new URL("catalogue.ts", run)}";
    const rows: string[] = [];
    const onCosts = (more: string[]) => rows.push(...more);
    await runLesson(catalogue[13], ["--clients", "2", "--pause", "50"], { onCosts });
    console.log("rows " + JSON.stringify(rows.map((row) => row.split(/ {2,}/)[0])));`;
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, code);
  const { stdout } = await deno(["run", "-A", script]);
  await Deno.remove(script);
  const rows: string[] = JSON.parse(/^rows (.*)$/m.exec(stdout)![1]);
  for (const row of ["wall time", "CPU time", "epoll_wait calls", "CPU time, recorded"]) {
    assert(rows.includes(row), row);
  }
  for (const row of ["program: wall time", "program: CPU time"]) assert(rows.includes(row), row);
  assertEquals(new Set(rows).size, rows.length);
});

Deno.test("Child.stop() ends by force what does not end by SIGINT", async () => {
  const code = `Deno.addSignalListener("SIGINT", () => console.log("no"));
    console.log("ready");
    setInterval(() => {}, 1000);`;
  const ready = Promise.withResolvers<void>();
  const lines: string[] = [];
  await using child = new Child([Deno.execPath(), "eval", "--quiet", code], {
    onLine(line) {
      lines.push(line);
      ready.resolve();
    },
  });
  await deadline(ready.promise, 10_000);
  assertEquals(await child.listening(100), undefined); // it never does
  const { signal } = await deadline(child.stop(200), 10_000);
  assertEquals([signal, lines], ["SIGKILL", ["ready", "no"]]);
});

for (const first of ["runner", "scripts"]) {
  for (const time of [50, 200, 400]) {
    Deno.test(`Ctrl-C after ${time} ms, at the ${first} first, is exit code 130`, async () => {
      const runner = new Deno.Command(Deno.execPath(), {
        args: [...MAIN, "03"],
        cwd: ROOT,
        env: { XDG_STATE_HOME: "/dev/null", NO_COLOR: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = runner.output();
      await delay(time);
      const scripts = childrenOf(runner.pid);
      // As at a terminal, where the signal reaches all of them, in no certain order.
      const pids = first === "runner" ? [runner.pid, ...scripts] : [...scripts, runner.pid];
      for (const pid of pids) {
        try {
          Deno.kill(pid, "SIGINT");
        } catch {
          // It has ended by itself.
        }
        await delay(20);
      }
      const { code, signal, stderr } = await deadline(output, 10_000);
      // Before it listens to the signal, the runner is ended by it.
      assertEquals([signal ?? code, new TextDecoder().decode(stderr)], [signal ?? 130, ""]);
      if (signal !== null) assertEquals(signal, "SIGINT");
      // It listens before it starts a script.
      if (scripts.length > 0) assertEquals(signal, null);
      for (const pid of scripts) assertEquals(isRunning(pid), false);
    });
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} during a run leaves no process behind`, async () => {
    const pause = `${60_000 + Deno.pid}`; // so that it can be found among all processes
    const runner = new Deno.Command(Deno.execPath(), {
      args: [...MAIN, "03", "--pause", pause],
      cwd: ROOT,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let children: number[] = [];
    for (let i = 0; i < 100 && children.length < 2; i++) {
      await delay(50);
      children = childrenOf(runner.pid);
    }
    assertEquals(children.length, 2);
    runner.kill(signal);
    assertEquals((await runner.status).code, signal === "SIGINT" ? 130 : 143);
    assertEquals(processesWith(pause), []);
    for (const pid of children) {
      await delay(10);
      assert(!processesWith("server.ts").includes(`${pid}`), "the server still runs");
    }
  });
}
