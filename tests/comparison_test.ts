/** Lesson 16: what it measures, with small loads and a few servers. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { cellsOf, describe, FULL } from "../lessons/16-comparison/cells.ts";
import { choose, type Contender } from "../lessons/16-comparison/contenders.ts";
import { hold } from "../lessons/16-comparison/idle.ts";
import type { Measurement } from "../lessons/16-comparison/load.ts";
import { type Conditions, Load, measure } from "../lessons/16-comparison/measure.ts";
import { emptyReport, type Report, resultsOf } from "../lessons/16-comparison/report.ts";
import { schemes } from "../lessons/16-comparison/schemes.ts";
import { median, percentile, spread } from "../lessons/16-comparison/statistics.ts";
import { table } from "../lessons/16-comparison/table.ts";
import { Child } from "../shared/tools/process/child.ts";
import { findLesson, serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { whyNoCharts } from "./packages.ts";
import { childrenOf, isRunning } from "../shared/tools/process/proc.ts";
import { deno, ROOT, terminal, whyNoStrace } from "./processes.ts";

const FOLDER = "lessons/16-comparison";
const MAIN = ["run", "-A", "shared/tools/lesson/main.ts", "16"];
const SMALL: Conditions = { connections: 3, active: 2, size: 64, time: 100, rate: 1000 };

/** A server that runs `before` at its start, and `does` with whatever it has received. */
function serverThat(does: string, before = ""): Contender {
  const source = `
    import { shout } from "${pathToFileURL(`${ROOT}shared/shout.ts`)}";
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    console.log("listening on 127.0.0.1:" + listener.addr.port);
    ${before}
    for await (const connection of listener) serve(connection).catch(() => {});
    async function serve(connection) {
      const buffer = new Uint8Array(65536);
      for (let length; (length = await connection.read(buffer)) !== null;) { ${does} }
    }
  `;
  return { name: "a server", command: [Deno.execPath(), "eval", "--quiet", source] };
}

const ANSWER = "shout(buffer, length); await connection.write(buffer.subarray(0, length));";

Deno.test("16 comparison: percentile() never gives a value that was not measured", () => {
  const thousand = Array.from({ length: 1000 }, (_, i) => 1000 - i);
  assertEquals([50, 99, 99.9, 100].map((p) => percentile(thousand, p)), [500, 990, 999, 1000]);
  assertEquals(percentile([7], 99.9), 7);
  assert(Number.isNaN(percentile([], 50)));
  assertEquals(median([10, 9, 100]), 10);
  assertEquals(spread([10, 9, 12]), 0.2);
});

Deno.test("16 comparison: a full run has both kinds of load in both sizes", () => {
  assertEquals(cellsOf(FULL).map(describe), [
    "1 connection, all active, 64 bytes",
    "10 connections, all active, 64 bytes",
    "50 connections, all active, 64 bytes",
    "900 connections, all active, 64 bytes",
    "100 connections, 10 of them active, 64 bytes",
    "1,000 connections, 10 of them active, 64 bytes",
    "9,000 connections, 10 of them active, 64 bytes",
    "1 connection, all active, 64 KiB",
    "10 connections, all active, 64 KiB",
    "50 connections, all active, 64 KiB",
    "900 connections, all active, 64 KiB",
    "100 connections, 10 of them active, 64 KiB",
    "1,000 connections, 10 of them active, 64 KiB",
    "9,000 connections, 10 of them active, 64 KiB",
  ]);
});

/** The lessons whose servers can be compared, since they speak the same and do all of the work. */
const comparable = serverLessons.filter(({ server }) =>
  server.protocol === undefined && server.behind === undefined
);
/** The servers that the charts show: one for each model. */
const MODELS = comparable.filter(({ number }) => number < "16")
  .map(({ folder }) => folder.replace("-", " "));

Deno.test("16 comparison: all servers of the catalogue that speak shout take part", () => {
  const directory = Deno.makeTempDirSync();
  const { contenders, missing } = choose("", directory);
  const names = contenders.map(({ name }) => name);
  for (const { folder } of comparable) assert(names.includes(folder.replace("-", " ")), folder);
  // The report names what this machine lacks.
  const others = [...names, ...missing.map(({ name }) => name)];
  for (
    const name of [
      "C epoll",
      "C io_uring",
      "Node net",
      "Deno.listen",
      "Python selectors",
      "Python asyncio",
      "Python uvloop",
      "Python gevent",
    ]
  ) assert(others.includes(name), name);
  const variants = choose("07", directory).contenders.map(({ name }) => name);
  assertEquals(variants.length, 3);
  // A variant may serve fewer clients at a time than the lesson's own server.
  const greenlets = choose("14", directory).contenders;
  assertEquals(greenlets.map(({ name, most }) => [name, most?.connections]), [
    ["14 greenlets", undefined],
    ["14 greenlets plain", 1],
  ]);
  assertEquals(choose("07,nonsense", directory).unknown, ["nonsense"]);
  Deno.removeSync(directory, { recursive: true });
});

const faults: [fault: string, does: string, says: RegExp][] = [
  [
    "answers with a wrong byte",
    "await connection.write(buffer.subarray(0, length));",
    /wrong byte/,
  ],
  ["sends too much", `${ANSWER} await connection.write(buffer.subarray(0, 1));`, /more|wrong/],
  ["closes a connection", "connection.close(); return;", /closed a connection|is gone/],
];
for (const [fault, does, says] of faults) {
  Deno.test(`16 comparison: measure() rejects for a server that ${fault}`, async () => {
    await using load = new Load();
    const error = await assertRejects(() => measure(serverThat(does), load, SMALL), Error);
    assertMatch(error.message, says);
    // The load goes on with the next server.
    const { messages } = await measure(serverThat(ANSWER), load, SMALL);
    assertGreater(messages, 10);
  });
}

Deno.test("16 comparison: measure() reports why a server does not start", async () => {
  await using load = new Load();
  const command = [Deno.execPath(), "eval", "console.error('no luck'); Deno.exit(1)"];
  const error = await assertRejects(() => measure({ name: "", command }, load, SMALL), Error);
  assertEquals(error.message, "no luck");
});

Deno.test("16 comparison: the latencies show a stall of the server", async () => {
  await using load = new Load();
  // It computes for 100 ms out of each 400. A load that waited for each reply before it sent the
  // next message would see one slow message among hundreds.
  const stalls = `
    setInterval(() => {
      for (const end = performance.now() + 100; performance.now() < end;);
    }, 400);
  `;
  const { latencies } = await measure(serverThat(ANSWER, stalls), load, { ...SMALL, time: 800 });
  assertEquals(latencies.length, 800);
  const slow = latencies.filter((latency) => latency > 10_000).length;
  assertGreater(slow, 80);
});

Deno.test("16 comparison: messages of 64 KiB arrive whole, with idle connections", async () => {
  await using load = new Load();
  const conditions = { connections: 200, active: 10, size: 65_536, time: 100, rate: 100 };
  const directory = await Deno.makeTempDir();
  for (const contender of choose("06 epoll,c epoll", directory).contenders) {
    const measured = await measure(contender, load, conditions);
    const { messages, server, memory, threads, latencies } = measured;
    assertGreater(messages, 10);
    assertGreater(server, 0);
    assertGreater(memory, 1e6);
    assertGreater(threads, 0);
    assertEquals(latencies.length, 10);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test({
  name: `16 comparison: the recorder counts as many calls as strace${
    whyNoStrace && ` (skipped: ${whyNoStrace})`
  }`,
  ignore: whyNoStrace !== "",
  fn: async () => {
    await using load = new Load();
    const file = await Deno.makeTempFile();
    const [server] = choose("01", "/nonexistent").contenders;
    // One client at a time, so that there is one recv and one send for each message.
    const conditions = { ...SMALL, connections: 1, active: 1 };
    for (const count of [{ by: "recorder" as const, file }, { by: "strace" as const }]) {
      const { calls } = await measure(server, load, { ...conditions, count });
      assert(calls! >= 1.9 && calls! < 2.3, `${calls} calls by ${count.by}`);
    }
    await Deno.remove(file);
  },
});

/** The CPU time of a process, and how much of it the kernel used for the process; in ticks. */
function ticksOf(pid: number): { all: number; kernel: number } {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const [user, kernel] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11).map(Number);
  return { all: user + kernel, kernel };
}

Deno.test("16 comparison: with 64 bytes, most of a server's CPU time is the kernel's", async () => {
  const directory = Deno.makeTempDirSync();
  await using load = new Load();
  const contenders = choose("06 epoll,c epoll", directory).contenders;
  for (const { name, command } of contenders.filter(({ variant }) => !variant)) {
    await using server = new Child(command);
    const port = await server.listening();
    const task = { ...SMALL, connections: 50, active: 50, time: 500, port: port!, pid: server.pid };
    await load.visit({ ...task, time: 50 }); // the engine compiles
    const before = ticksOf(server.pid);
    await load.visit(task);
    const after = ticksOf(server.pid);
    const share = (after.kernel - before.kernel) / (after.all - before.all);
    assertGreater(share, 0.6, name);
  }
  Deno.removeSync(directory, { recursive: true });
});

/** A round in which a message cost the server so many microseconds. */
function round(cpu: number, more: Partial<Measurement> = {}): Measurement {
  return {
    messages: 1000,
    wall: 100,
    server: cpu,
    load: 50,
    switches: 10,
    memory: 2 ** 20,
    threads: 1,
    latencies: [100],
    late: 1,
    ...more,
  };
}

Deno.test("16 comparison: resultsOf() gives medians, spreads, and ratios to C", () => {
  const cell = { connections: 50, active: 50, size: 64 };
  const results = resultsOf(
    cell,
    new Map([
      ["ours", [round(9), round(12), round(10, { calls: 2 })]],
      ["C epoll", [round(5), round(5), round(5)]],
    ]),
  );
  const [reference, ours] = results;
  assertEquals([reference.server, reference.cpu.toC], ["C epoll", 1]);
  assertEquals([ours.cpu.median, ours.cpu.toC, ours.calls], [10, 2, 2]);
  assertEquals(ours.cpu.spread, 0.2);
  assertEquals([ours.perSecond.median, ours.perSecond.toC], [10_000, 1]);
  assertEquals([ours.latency.p50, ours.latency.messages], [100, 3]);
  const text = table(cell, { ...emptyReport(3, 100, []), results }).join("\n");
  assertMatch(text, /^ours +10\.0 +20 % +2\.00 +10\.0 +0 % +100 +100 +100 +2\.00/m);
});

Deno.test("16 comparison: table() marks where the load was the limit, or was late", () => {
  const cell = { connections: 50, active: 50, size: 64 };
  function only(more: Partial<Measurement>) {
    const results = resultsOf(cell, new Map([["one", [round(10, more)]]]));
    return table(cell, { ...emptyReport(1, 100, []), results }).join("\n");
  }
  assert(!/[<>]/.test(only({})));
  assertStringIncludes(only({ load: 95 }), " >10.0 ");
  assert(!only({ load: 95, server: 95 }).includes(">")); // both were busy
  assertStringIncludes(only({ late: 80 }), " <100 ");
});

Deno.test("16 comparison: a small run prints its table, and writes what it measured", async () => {
  const json = await Deno.makeTempFile({ suffix: ".json" });
  const { code, stdout, stderr } = await deno([
    ...MAIN,
    ...["--only", "01,06 epoll,deno.listen,c epoll", "--active", "2", "--idle", "20"],
    ...["--rounds", "1", "--time", "50", "--json", json],
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "\n2 connections, all active, 64 bytes; latency at 4,000 messages");
  assertStringIncludes(stdout, "\n20 connections, 10 of them active, 64 bytes; latency at 4,000");
  assertMatch(stdout, /^server +CPU +± +to C +msg k\/s +± +p50 +p99 +p99\.9 +calls +switches/m);
  assertStringIncludes(
    stdout,
    "\nnot measured: 01 blocking: they serve one client at a time",
  );
  assertStringIncludes(stdout, "Next: deno task lesson:17");
  const report: Report = JSON.parse(await Deno.readTextFile(json));
  const measured = report.results.filter(({ server }) => server !== "C epoll");
  assertEquals(new Set(measured.map(({ server }) => server)).size, 3);
  assertEquals(measured.length, 6);
  for (const { cpu, perSecond, latency, memory, threads } of report.results) {
    const { p50, p99, p999 } = latency;
    for (const value of [cpu.median, perSecond.median, p50, memory, threads]) {
      assertGreater(value, 0);
      assertLess(value, 1e9);
    }
    assert(p50 <= p99 && p99 <= p999);
  }
  const epoll = report.results.filter(({ server }) => server.startsWith("06 epoll"));
  // A recv and a send for each message, and epoll_wait for one or several.
  for (const { calls } of epoll) assert(calls! >= 2 && calls! < 5, `${calls} calls`);
  assertEquals(report.absent.map(({ server }) => server), ["01 blocking", "01 blocking"]);
  await Deno.remove(json);
});

Deno.test("16 comparison: it names what a machine lacks, and what to install", async () => {
  const { code, stdout } = await deno(
    [...MAIN, "--only", "c epoll,c io_uring,node,gevent", "--idle", "none", "--active", "1"],
    { PATH: "/nonexistent" },
  );
  assertEquals(code, 0);
  assertStringIncludes(stdout, "not measured: C epoll, which needs a C compiler, such as Debian's");
  assertStringIncludes(
    stdout,
    "not measured: C io_uring, which needs a C compiler and the headers",
  );
  assertStringIncludes(stdout, "not measured: Node net, which needs Node.js, such as Debian's");
});

const refusals: [args: string[], says: RegExp, code: number][] = [
  [["--only", "06,nonsense"], /^no server has "nonsense" in its name/, 2],
  [["--active", "1,x"], /^--active takes numbers/, 2],
  [["--active", "0"], /^--active takes numbers/, 2],
  [["--active", "none", "--idle", "none"], /^no load at all/, 2],
  [["--json", "/nonexistent/report.json"], /No such file or directory/, 1],
];
for (const [args, says, expected] of refusals) {
  Deno.test(`16 comparison: ${args.join(" ")} is refused before anything is measured`, async () => {
    const { code, stdout, stderr } = await deno(["run", "-A", `${FOLDER}/main.ts`, ...args]);
    assertEquals([code, stdout], [expected, ""]);
    assertMatch(stderr, says);
    assertMatch(stderr, /^[^\n]+\n$/);
  });
}

Deno.test("16 comparison: Ctrl-C leaves nothing running", async () => {
  const args = [...MAIN, "--only", "06 epoll", "--idle", "none", "--rounds", "50"];
  const process = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { XDG_STATE_HOME: "/dev/null" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  // The program, the load, and a server.
  let descendants: number[] = [];
  while ((descendants = descendantsOf(process.pid)).length < 3) await delay(20);
  process.kill("SIGINT");
  assertEquals((await process.status).code, 130);
  for (const pid of descendants) assertEquals(isRunning(pid), false, `${pid} is still there`);
});

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

Deno.test({
  name: `16 comparison: at a terminal, a bar shows how far it is${
    terminal ? "" : " (skipped: there is no script(1))"
  }`,
  ignore: terminal === undefined,
  fn: async () => {
    const args = [...MAIN, "--only", "13", "--active", "1", "--idle", "none"];
    const command = [Deno.execPath(), ...args].map((word) => `'${word}'`).join(" ");
    const { stdout } = await new Deno.Command(terminal!, {
      args: ["-qec", command, "/dev/null"],
      cwd: ROOT,
      env: { XDG_STATE_HOME: "/dev/null" },
      stdin: "null",
    }).output();
    const text = stripVTControlCharacters(new TextDecoder().decode(stdout));
    assertMatch(text, /\r█*░+ \d+ %, \d+ s left, 13 event-loop/);
    assertMatch(text, /\r\r\n1 connection, all active/); // it gives way to what is printed
  },
});

Deno.test("16 comparison: hold() counts the clients that a server has room for", async () => {
  const clients = 60;
  const [one, threads, all] = await Promise.all(
    ([["01 blocking", clients], ["02 threads", 10], ["06 epoll", clients]] as const)
      .map(([name, most]) =>
        hold(new Child(choose(name, "/nonexistent").contenders[0].command), most)
      ),
  );
  assertEquals([one, threads, all].map(({ answered }) => answered), [1, 10, clients]);
  // Ten threads, with a MiB each at the least, and sixty entries in a table.
  assertGreater(threads.all - threads.first, 9 * 1024);
  assertLess(all.all - all.first, 4 * 1024);
});

Deno.test("16 comparison: the map in the README has all schemes, each with its lesson", () => {
  const readme = Deno.readTextFileSync(`${ROOT}${FOLDER}/README.md`);
  const [, map] = /lessons\/16-comparison\/map\.ts\n.*\n([^]*?)\n```/.exec(readme)!;
  const rows = map.split("\n").map((row) => row.split(/ {2,}/).slice(0, 2));
  assertEquals(rows, schemes.map(({ name, lesson, none }) => [name, lesson ?? `none: ${none}`]));
  for (const { lesson } of schemes) {
    if (lesson !== undefined) assert(findLesson(lesson)?.server !== undefined, lesson);
  }
});

const reason = await whyNoCharts();

Deno.test({
  name: `16 comparison: the charts show every server${reason ? ` (skipped: ${reason})` : ""}`,
  ignore: reason !== undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    // Not by its literal name, or the library would have to be there for this file to be checked.
    const { draw } = await import(new URL(`../${FOLDER}/charts.ts`, import.meta.url).href);
    const servers = choose("", folder).contenders.map(({ name }) => name);
    const results = cellsOf(FULL).flatMap((cell) =>
      resultsOf(cell, new Map(servers.map((name, i) => [name, [round(5 + i)]])))
    );
    await draw({ ...emptyReport(1, 100, []), results }, folder);
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(".svg")).sort();
    assertEquals(files, ["connections-64-KiB.svg", "connections.svg", "cpu-64-KiB.svg", "cpu.svg"]);
    for (const file of files) {
      const drawn = servers.filter((name) => !/^\d\d /.test(name) || MODELS.includes(name));
      checkChart(Deno.readTextFileSync(`${folder}/${file}`), drawn);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("16 comparison: the charts in the README show what is in the catalogue now", () => {
  const readme = Deno.readTextFileSync(`${ROOT}${FOLDER}/README.md`);
  const servers = MODELS;
  const charts = [...readme.matchAll(/!\[[^\]]{60,}\]\((\S+\.svg)\)/g)].map(([, name]) => name);
  assertEquals(charts[0], "connections.svg");
  assert(charts.includes("cpu.svg"));
  for (const chart of charts) {
    checkChart(
      Deno.readTextFileSync(`${ROOT}${FOLDER}/${chart}`),
      chart.startsWith("cpu") ? servers.slice(2) : servers, // with one client, there are no bars
    );
  }
  const root = Deno.readTextFileSync(`${ROOT}README.md`);
  assertStringIncludes(root, `](${FOLDER}/connections.svg)`);
});

/** Whether a chart is a picture, says what it shows, and has all the servers. */
function checkChart(svg: string, servers: string[]) {
  assertMatch(svg, /^<svg role="img" aria-label="What a message of 64 (bytes|KiB) costs/);
  assertStringIncludes(svg, "CPU time of the server, in microseconds");
  for (const way of ["epoll reports", "io_uring completes", "C with epoll"]) {
    assertStringIncludes(svg, `>${way}</text>`);
  }
  for (const server of servers) assertStringIncludes(svg, `>${server}</text>`);
  assertMatch(svg, /<\/svg>\n$/);
}
