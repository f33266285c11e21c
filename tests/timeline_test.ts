/** `shared/tools/lesson`: from what was recorded to what is drawn. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { columnsOf, ticksOf } from "../shared/tools/lesson/columns.ts";
import type { Lane } from "../shared/tools/lesson/lanes.ts";
import { readTimeline, type Timeline, timelineOf } from "../shared/tools/lesson/timeline.ts";
import { timelineSvg } from "../shared/tools/lesson/timeline_svg.ts";
import { timelineText } from "../shared/tools/lesson/timeline_text.ts";
import type { TraceEvent } from "../shared/tools/trace/events.ts";
import { eventsIn } from "../shared/tools/trace/read.ts";
import { deno } from "./processes.ts";

/** Events of a process: its milliseconds begin far from 0, as those of a clock do. */
const EPOCH = 1e9;

function event(fields: Partial<TraceEvent> & { ms: number; took?: number }): TraceEvent {
  const { ms, took, ...rest } = fields;
  const times = { ts: EPOCH + 1000 * ms, ...took === undefined ? {} : { dur: 1000 * took } };
  return { name: "", cat: "call", ph: "X", pid: 1, tid: 1, args: {}, ...times, ...rest };
}

function named(pid: number, tid: number, name: string): TraceEvent {
  return event({ ms: 0, name: "thread_name", cat: "name", ph: "M", pid, tid, args: { name } });
}

function draw(...events: TraceEvent[]): Timeline {
  return timelineOf("42 · A lesson", "1 call", events)!;
}

/** The segments of a lane, in short: what was done, from when, to when. */
function inShort({ segments }: Lane): [string, number, number][] {
  return segments.map(({ state, start, end }) =>
    [state, Math.round(1000 * start) / 1000, Math.round(1000 * end) / 1000] as const
  ).map((segment) => [...segment]);
}

const again = { result: -1, error: "EAGAIN (Resource temporarily unavailable)" };

Deno.test("a thread waits in long calls, copies in short ones, and computes in between", () => {
  const { lanes } = draw(
    event({ ms: 0, took: 100, name: "recv", args: { fd: 7, length: 9, result: 5 } }),
    event({ ms: 100.5, took: 0.2, name: "send", args: { fd: 7, length: 5, result: 5 } }),
    event({ ms: 200, took: 0.1, name: "close", args: { fd: 7, result: 0 } }),
    event({ ms: 200.1, took: 50, name: "computing", cat: "computing", args: { cpu: 50_000 } }),
    event({ ms: 250.1, took: 0.5, name: "select", args: { nfds: 8, result: 1 } }),
  );
  assertEquals(inShort(lanes[0]), [
    ["waiting", 0, 100],
    ["copying", 100, 100],
    ["computing", 100, 100.5],
    ["copying", 100.5, 100.7],
    ["idle", 100.7, 200],
    ["computing", 200, 200.1],
    ["computing", 200.1, 250.1],
    ["waiting", 250.1, 250.6],
  ]);
  assertEquals(lanes[0].segments[0].call, "recv(7)");
});

Deno.test("calls that return EAGAIN are polling, and a call that fails late has waited", () => {
  const { lanes } = draw(
    event({ ms: 0, took: 100, name: "recv", args: { fd: "several", ...again, count: 9000 } }),
    event({ ms: 100.1, took: 0.1, name: "accept4", args: { fd: 3, ...again } }),
    event({ ms: 100.2, took: 30, name: "recv", args: { fd: 7, ...again } }),
  );
  assertEquals(inShort(lanes[0]), [
    ["polling", 0, 100],
    ["polling", 100, 100.1],
    ["polling", 100.1, 100.2],
    ["waiting", 100.2, 130.2],
  ]);
});

Deno.test("a client stands in the queue until the server has accepted its port", () => {
  const client = { cat: "client", pid: 2 } as const;
  const { lanes } = draw(
    named(1, 1, "server"),
    named(2, 1, "client 1"),
    event({ ms: 80, took: 0.1, name: "accept4", args: { fd: 3, result: 7, peer: 5555 } }),
    event({ ...client, ms: 0, took: 2, name: "connect", args: { port: 5555 } }),
    event({ ...client, ms: 3, took: 1, name: "send", args: { bytes: 5 } }),
    event({ ...client, ms: 4, took: 96, name: "wait for the reply", args: { bytes: 5 } }),
  );
  assertEquals(lanes.map(({ name }) => name), ["server", "client 1"]);
  assertEquals(inShort(lanes[1]).sort(([, a], [, b]) => a - b), [
    ["waiting", 0, 2],
    ["queued", 2, 80.1],
    ["copying", 3, 4],
    ["waiting", 80.1, 100],
    ["copying", 100, 100],
  ]);
});

Deno.test("a call that took long because others had the core has not waited", () => {
  const { lanes } = draw(
    event({ ms: 0, took: 5, name: "recv", args: { fd: 7, ...again, preempted: "yes" } }),
    event({ ms: 5, took: 4, name: "send", args: { fd: 7, result: 5, preempted: "yes" } }),
    event({ ms: 9, took: 3, name: "close", args: { fd: 7, result: 0, preempted: "yes" } }),
  );
  assertEquals(inShort(lanes[0]), [["polling", 0, 5], ["copying", 5, 9], ["computing", 9, 12]]);
});

/** A client that has its reply after 10 ms. */
const visitor = [
  named(2, 1, "client 1"),
  event({
    ...{ cat: "client", pid: 2, ms: 0, took: 2, name: "connect" },
    args: { port: 5555 },
  }),
  event({ cat: "client", pid: 2, ms: 3, took: 1, name: "send", args: { bytes: 5 } }),
  event({ cat: "client", pid: 2, ms: 4, took: 6, name: "wait for the reply", args: { bytes: 5 } }),
];
const close7 = event({ ms: 80, took: 0.1, name: "close", args: { fd: 7, result: 0 } });
const last = event({ ms: 99, took: 1, name: "close", args: { fd: 3, result: 0 } });

Deno.test("a client that stays connected is idle until the server closes its descriptor", () => {
  const accept4 = { name: "accept4", args: { fd: 3, result: 7, peer: 5555 } };
  const completion = {
    name: "accept",
    cat: "io_uring",
    ph: "n",
    id: "1.3",
    dur: undefined,
  } as const;
  const ringClose = { ...close7, cat: "io_uring", ph: "i", dur: undefined } as const;
  const accepted: TraceEvent[][] = [
    [event({ ms: 2, took: 0.1, ...accept4 }), close7],
    [event({ ms: 2, ...completion, args: { result: 7, peer: 5555 } }), ringClose],
  ];
  for (const server of accepted) {
    const lane = draw(...visitor, ...server, last).lanes.find(({ kind }) => kind === "client")!;
    assertEquals(inShort(lane).at(-1), ["idle", 10, 80]);
  }
  // The number of a descriptor is used again, and only the first close after the accept counts.
  const again = [event({ ms: 85, took: 0.1, ...accept4, args: { ...accept4.args, peer: 1 } })];
  const lane = draw(...visitor, ...accepted[0], ...again, { ...close7, ts: close7.ts + 9000 }, last)
    .lanes.find(({ kind }) => kind === "client")!;
  assertEquals(inShort(lane).at(-1), ["idle", 10, 80]);
});

Deno.test("a descriptor is its process's own, and is closed when the process is killed", () => {
  const accept4 = { name: "accept4", took: 0.1, args: { fd: 3, result: 7, peer: 5555 } };
  const other = { ...accept4, pid: 8, tid: 8, args: { ...accept4.args, peer: 1 } };
  const reaped = { result: 1, ended: "SIGKILL" };
  const lane = draw(
    ...visitor,
    event({ ms: 2, ...accept4 }),
    event({ ms: 3, ...other }),
    { ...close7, pid: 8, ts: EPOCH + 20_000 },
    event({ ms: 69, took: 1, name: "waitpid", pid: 9, tid: 9, args: reaped }),
    last,
  ).lanes.find(({ kind }) => kind === "client")!;
  assertEquals(inShort(lane).at(-1), ["idle", 10, 70]);
});

Deno.test("a client whose descriptor is not closed is idle until the end", () => {
  const accept4 = { name: "accept4", args: { fd: 3, result: 7, peer: 5555 } };
  const { lanes } = draw(...visitor, event({ ms: 2, took: 0.1, ...accept4 }), last);
  assertEquals(inShort(lanes.find(({ kind }) => kind === "client")!).at(-1), ["idle", 10, 100]);
});

Deno.test("a client that no recorded call accepted ends with its reply", () => {
  const { lanes } = draw(...visitor, last);
  const lane = lanes.find(({ kind }) => kind === "client")!;
  assertEquals(inShort(lane).at(-1), ["copying", 10, 10]);
});

Deno.test("the calls of a client's process have no lane", () => {
  const { lanes } = draw(
    ...visitor,
    named(2, 9, "client"),
    event({ ms: 1, took: 0.1, pid: 2, tid: 9, name: "getrlimit", args: { result: 0 } }),
    named(1, 1, "server"),
    event({ ms: 2, took: 0.1, name: "close", args: { fd: 3, result: 0 } }),
  );
  assertEquals(lanes.map(({ name }) => name), ["server", "client 1"]);
});

Deno.test("operations have lanes from submission to completion, or to the end", () => {
  const ring = { cat: "io_uring", name: "recv", id: "2.7" } as const;
  const { lanes } = draw(
    event({ ...ring, ms: 0, ph: "b", args: { fd: 7 } }),
    event({ ...ring, ms: 60, ph: "e", args: { result: 5 } }),
    event({ ...ring, ms: 61, ph: "b", args: { fd: 7 } }),
    event({ ms: 0, took: 100, name: "io_uring_enter", args: { fd: 5, result: 1 } }),
  );
  const lane = lanes.find(({ kind }) => kind === "operation")!;
  assertEquals(lane.name, "recv(7)");
  assertEquals(inShort(lane), [
    ["submitted", 0, 0],
    ["completed", 60, 60],
    ["kernel", 0, 60],
    ["submitted", 61, 61],
    ["kernel", 61, 100],
  ]);
});

Deno.test("coroutines have lanes of their own: when they ran, and when they did not", () => {
  const egon = { cat: "coroutine", id: "1", name: "egon" } as const;
  const { lanes } = draw(
    event({ ...egon, ms: 0, ph: "b" }),
    event({ ...egon, ms: 10, ph: "b", name: "running" }),
    event({ ...egon, ms: 30, ph: "e", name: "running" }),
    event({ ...egon, ms: 80, ph: "b", name: "running" }),
    event({ ...egon, ms: 100, ph: "e", name: "running" }),
    event({ ...egon, ms: 100, ph: "e" }),
  );
  assertEquals(lanes.map(({ kind, name }) => [kind, name]), [["coroutine", "egon"]]);
  assertEquals(inShort(lanes[0]), [
    ["waiting", 0, 10],
    ["computing", 10, 30],
    ["waiting", 30, 80],
    ["computing", 80, 100],
  ]);
});

Deno.test("of many clients the first are drawn, and it is said how many more there are", () => {
  const clients = Array.from({ length: 30 }, (_, i) => [
    named(2, i + 1, `client ${i + 1}`),
    event({ ms: 0, took: 5, pid: 2, tid: i + 1, cat: "client", name: "send", args: { bytes: 5 } }),
  ]);
  const { lanes, more } = draw(...clients.flat().reverse());
  assertEquals(lanes.map(({ name }) => name).slice(0, 3), ["client 1", "client 2", "client 3"]);
  assertLess(lanes.length, 20);
  assertEquals(more, [`${30 - lanes.length} more clients`]);
});

Deno.test("clients that do least are one lane with a number, if they are the most", () => {
  const clients = (talkers: number, silent: number) =>
    Array.from({ length: talkers + silent }, (_, i) => {
      const said = { pid: 2, tid: i + 1, cat: "client", name: "send", args: { bytes: 5 } };
      const times = i < talkers ? [0, 20, 40] : [60];
      return [
        named(2, i + 1, `client ${i + 1}`),
        ...times.map((ms) => event({ ms, took: 5, ...said })),
      ];
    }).flat();
  const { lanes, more } = draw(...clients(10, 2000));
  assertEquals(lanes.map(({ name }) => name), [
    ...[1, 2, 3, 4, 5, 6, 7].map((number) => `client ${number}`),
    "2,000 quiet ones",
  ]);
  assertEquals(more, ["3 more clients"]);
  // Where most are busy, or all do the same, nobody is put together with others.
  for (const [talkers, silent] of [[11, 10], [0, 30]]) {
    const { lanes } = draw(...clients(talkers, silent));
    assertEquals(lanes.map(({ name }) => name).filter((name) => name.includes("quiet")), []);
    assertEquals(lanes.length, 8);
  }
});

const wait = event({ ms: 0, took: 1000, name: "poll", args: { length: 9, result: 1 } });
const work = event({ ms: 1000, took: 0.005, name: "recv", args: { fd: 7, result: 5 } });

Deno.test("work is drawn however short it was, and its height is its share", () => {
  const { lanes: [lane], length } = draw(wait, work);
  const columns = columnsOf(lane, length, 100);
  assertEquals(columns[50], { background: "waiting", mark: undefined, level: 1 });
  assertEquals(columns[99], { background: "waiting", mark: "copying", level: 1 });
  const half = draw({ ...wait, dur: 5000 }, { ...work, ts: EPOCH + 5000, dur: 900 });
  assertEquals(columnsOf(half.lanes[0], 10, 1)[0].level, 1);
  const busy = event({ ms: 0, took: 60, name: "computing", cat: "computing" });
  const idle = event({ ms: 100, took: 0, name: "close", args: { fd: 7, result: 0 } });
  assertEquals(columnsOf(draw(busy, idle).lanes[0], 100, 1)[0].level, 5);
});

Deno.test("the ticks of the axis are round numbers", () => {
  assertEquals(ticksOf(1046, 6), [0, 200, 400, 600, 800, 1000]);
  assertEquals(ticksOf(0.9, 4), [0, 0.5]);
  for (let length = 0.003; length < 1e6; length *= 1.7) {
    const ticks = ticksOf(length, 8);
    assertLess(ticks.length, 10);
    assertGreater(ticks.length, 2);
  }
});

Deno.test("the text fits its width, and can be read without colours", () => {
  const timeline = draw(
    named(1, 1, "server"),
    wait,
    work,
    event({ ms: 1100, took: 100, name: "recv", args: { fd: 7, ...again, count: 9 } }),
  );
  for (const width of [78, 118]) {
    const lines = timelineText(timeline, width).map((line) =>
      // deno-lint-ignore no-control-regex -- colours, if there are any
      line.replaceAll(/\x1b\[\d+m/g, "")
    );
    for (const line of lines) assert(line.length <= width, line);
    assertMatch(lines[0], /^server {2}░░poll\(9\)░+│·+▓+$/);
    assertMatch(lines[1], /^ +0 ms .*1,000/);
    for (const text of ["░ waits", "▓ polls (EAGAIN)", "┃ receives or sends", "· idle"]) {
      assertStringIncludes(lines.slice(2).join("\n"), text);
    }
    assertMatch(
      lines.at(-1)!,
      /^One column = [\d.]+ ms\. Work shorter than that is still drawn\.$/,
    );
  }
});

Deno.test("the picture says in words what can be seen, and knows light and dark", () => {
  const svg = timelineSvg({ ...draw(named(1, 1, "a<b"), wait, work), costs: "1 & 2" });
  assertMatch(svg, /^<svg [^>]*role="img" aria-labelledby="title desc">/);
  assertStringIncludes(svg, '<title id="title">42 · A lesson</title>');
  assertMatch(svg, /<desc id="desc">1000 ms\. a&lt;b: waits 100 %\. 1 &amp; 2\.<\/desc>/);
  assertStringIncludes(svg, "@media (prefers-color-scheme: dark)");
  // What is drawn has a colour on both pages, and an explanation.
  const [light, dark] = svg.split("@media");
  const legend = svg.slice(svg.indexOf('class="legend"'));
  for (const [, state] of svg.matchAll(/<path class="(?!grid)(\w+)"/g)) {
    assertStringIncludes(light, `.${state} {`);
    assertStringIncludes(dark, `.${state} {`);
    assertStringIncludes(legend, `<rect class="${state}"`);
  }
  // Every element is closed.
  const open: string[] = [];
  for (const [, end, name, alone] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (end) assertEquals(open.pop(), name);
    else if (!alone) open.push(name);
  }
  assertEquals(open, []);
});

Deno.test("timelineSvg() counts overlapping runs of polling once", () => {
  const segments = [{ state: "polling" as const, start: 0, end: 80 }, {
    state: "polling" as const,
    start: 20,
    end: 100,
  }];
  const lanes: Lane[] = [{ kind: "thread", name: "server", segments }];
  const svg = timelineSvg({ title: "", costs: "", length: 100, lanes, more: [] });
  assertStringIncludes(svg, "server: polls (EAGAIN) 100 %.");
});

Deno.test("a file that is still being written gives the events that are complete", async () => {
  const path = await Deno.makeTempFile();
  const one = JSON.stringify(wait);
  await Deno.writeTextFile(path, `[${one}\n     ,${one}\n,${one.slice(0, 40)}    `);
  assertEquals([...eventsIn(path)], [wait, wait]);
  await Deno.writeTextFile(path, `[${one}\n]\n`);
  assertEquals([...eventsIn(path)], [wait]);
  await Deno.writeTextFile(path, "");
  assertEquals(readTimeline("", "", [path]), undefined);
  await Deno.remove(path);
});

Deno.test("lines are whole that cross the pieces of a file", async () => {
  const path = await Deno.makeTempFile();
  const events = Array.from(
    { length: 5000 },
    (_, i) => ({ ...wait, name: "客户".repeat(1 + i % 9) }),
  );
  await Deno.writeTextFile(path, `[${events.map((event) => JSON.stringify(event)).join("\n,")}\n`);
  assertGreater((await Deno.stat(path)).size, 5 * 64 * 1024);
  assertEquals([...eventsIn(path)], events);
  await Deno.remove(path);
});

Deno.test("without a file, or with too many events, there is a reason for no picture", async () => {
  const path = await Deno.makeTempFile();
  const line = `,${JSON.stringify(wait)}\n`.repeat(1000);
  for (let i = 0; i < 1001; i++) await Deno.writeTextFile(path, line, { append: true });
  const reason = "more than 1,000,000 events were recorded";
  assertEquals(readTimeline("", "", [path]), { reason });
  await Deno.remove(path);
  const missing = readTimeline("", "", [path])!;
  assert("reason" in missing);
  assertMatch(missing.reason, /^No such file or directory/);
});

/** Runs a lesson, and returns the server's row and the picture. */
async function runLesson(number: string, ...args: string[]) {
  const svg = await Deno.makeTempFile({ suffix: ".svg" });
  const { code, stdout } = await deno([
    ...["run", "-A", "shared/tools/lesson/main.ts", number, "--svg", svg],
    ...args,
  ]);
  assertEquals(code, 0, stdout);
  const picture = await Deno.readTextFile(svg);
  await Deno.remove(svg);
  const [, row] = /^ {2}server {2,}(.*)$/m.exec(stdout.slice(stdout.indexOf("When it did what")))!;
  return { row, picture, stdout };
}

function count(row: string, character: string): number {
  return row.split(character).length - 1;
}

Deno.test("lesson 03 is drawn as polling all the time, lesson 04 as waiting", async () => {
  const polling = await runLesson("03");
  assertGreater(count(polling.row, "▓"), 0.5 * polling.row.length);
  assertEquals(count(polling.row, "░"), 0);
  assertMatch(polling.picture, /calls \([\d,]+ EAGAIN\)/);
  assertMatch(polling.picture, /and 12 more clients/);
  const multiplexing = await runLesson("04");
  assertGreater(count(multiplexing.row, "░"), 0.5 * multiplexing.row.length);
  assertEquals(count(multiplexing.row, "▓"), 0);
});

Deno.test("lesson 01 leaves clients in the queue, and says in whose recv it waits", async () => {
  const { row, stdout } = await runLesson("01");
  assertMatch(row, /recv\(\d+\)/);
  for (const client of [2, 3]) {
    assertMatch(stdout, new RegExp(`^ {2}client ${client} .*▒{40}`, "m"));
  }
});

for (
  const [args, says] of [
    [[], "--svg takes the name of a file"],
    [["/no/such/file"], "/no/such/file cannot be written: No such file or directory"],
    [["/tmp"], "/tmp cannot be written: it is a folder"],
  ] as const
) {
  Deno.test(`--svg ${args} is one line and exit code 2, before the lesson runs`, async () => {
    const main = ["run", "-A", "shared/tools/lesson/main.ts", "03", "--svg", ...args];
    const { code, stdout, stderr } = await deno(main);
    assertEquals([code, stdout, stderr], [2, "", `${says} (--help shows the options)\n`]);
  });
}

/** A coroutine that begins at a time, in milliseconds, and first computes for a while. */
function coroutine(id: number, start: number, computes: number, ends: number): TraceEvent[] {
  const event = { cat: "coroutine", pid: 1, tid: 0, id: String(id), args: {} } as const;
  const running = { ...event, name: "running" } as const;
  return [
    { ...event, name: `c-${id}`, ph: "b", ts: 1000 * start },
    { ...running, ph: "b", ts: 1000 * start },
    { ...running, ph: "e", ts: 1000 * (start + computes) },
    { ...event, name: `c-${id}`, ph: "e", ts: 1000 * ends },
  ];
}

Deno.test("coroutines are drawn in the order in which they begin, nine of nine", () => {
  const events = [3, 1, 2, 9, 8, 7, 6, 5, 4].flatMap((id, i) => coroutine(id, i, 1, 50));
  const { lanes, more } = timelineOf("", "", events)!;
  assertEquals(
    lanes.map(({ name }) => name),
    ["c-3", "c-1", "c-2", "c-9", "c-8", "c-7", "c-6"].concat(["c-5", "c-4"]),
  );
  assertEquals(more, []);
});

Deno.test("of many coroutines, those that compute and wait longest are drawn", () => {
  const events = Array.from({ length: 20 }, (_, id) => {
    if (id === 15) return coroutine(id, id, 40, 60);
    return coroutine(id, id, 1, id === 17 ? 90 : 30);
  }).flat();
  const { lanes, more } = timelineOf("", "", events)!;
  assertEquals(lanes.length, 8);
  assert(["c-15", "c-17", "c-0"].every((name) => lanes.some((lane) => lane.name === name)));
  assertEquals(more, ["12 more coroutines"]);
});

Deno.test("of many clients, those that waited longest before and after accept are drawn", () => {
  const clients = Array.from({ length: 20 }, (_, i) => {
    const [name, args, own] = ["client", { port: 5000 + i }, { cat: "client", pid: 2, tid: i }];
    const wait = { ms: 10, took: i === 17 ? 80 : 5, name: "wait for the reply" };
    return [
      named(2, i, `${name} ${i + 1}`),
      event({ ...own, ms: 1, took: 1, name: "connect", args }),
      event({ ...own, ...wait }),
    ];
  });
  const accept = { ms: 50, took: 0.1, name: "accept4", args: { result: 9, peer: 5015 } };
  const { lanes, more } = draw(...clients.flat(), event(accept));
  const names = lanes.map(({ name }) => name).filter((name) => name.startsWith("client"));
  assertEquals(names, ["1", "2", "3", "4", "5", "6", "16", "18"].map((n) => `client ${n}`));
  assertEquals(more, ["12 more clients"]);
});

Deno.test("a coroutine that runs 200,000 times is drawn as one that stands out", () => {
  const events = Array.from({ length: 12 }, (_, i) => coroutine(i + 1, i, 1, 900)).flat();
  const [begin, , , end] = coroutine(13, 100, 0, 2000);
  events.push(begin);
  for (let i = 0; i < 200_000; i++) {
    const [, starts, stops] = coroutine(13, 100 + i / 1000, 0.0005, 2000);
    events.push(starts, stops);
  }
  events.push(end);
  const { lanes } = timelineOf("", "", events)!;
  assert(lanes.some(({ name }) => name === "c-13"));
});
