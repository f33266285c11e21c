/** The closing sentence of a lesson: it is derived from the run, and true of it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { findLesson, type Lesson, LESSONS } from "../shared/tools/lesson/catalogue.ts";
import { type Facts, noticeOf } from "../shared/tools/lesson/notices.ts";
import { deno } from "./processes.ts";

/** A run of one client in which nothing happened. */
const NOTHING: Facts = {
  outcome: { clients: 1, correct: 1, longest: 0.1 },
  wall: 1000,
  cpu: 0,
  threads: 0,
  memory: 0,
  calls: [],
  lines: [],
};

function calls(name: string, calls: number, eagain = 0) {
  return { name, calls, failures: new Map(eagain > 0 ? [["EAGAIN", eagain]] : []) };
}

Deno.test("lesson 01 speaks of a client that waited only if there was one", () => {
  const alone = noticeOf("01", NOTHING)!;
  assertMatch(alone, /^There was one client/);
  const outcome = { clients: 3, correct: 3, longest: 2 };
  assertEquals(
    noticeOf("01", { ...NOTHING, outcome }),
    "No client waited for more than 2.0 ms: none was silent for long.",
  );
  assertMatch(
    noticeOf("01", { ...NOTHING, outcome: { ...outcome, longest: 950 } })!,
    /waited for 950 ms: the only thread was inside a call for another client/,
  );
});

Deno.test("lesson 03 gives the share of a core and the calls that failed", () => {
  const facts = { ...NOTHING, cpu: 30, calls: [calls("recv", 5000, 4990), calls("send", 10)] };
  assertEquals(
    noticeOf("03", facts),
    "One thread served 1 client, and used 3 % of a core: of 5,010 system calls, 4,990 returned " +
      "EAGAIN.",
  );
});

Deno.test("lesson 04 mentions clients that were turned away only if some were", () => {
  const facts = { ...NOTHING, calls: [calls("select", 12)] };
  assertMatch(noticeOf("04", facts)!, /served 1 client with 12 select calls, .* of a core\.$/);
  const outcome = { clients: 1100, correct: 1000, longest: 1 };
  const lines = ["turned away: descriptor 1024 does not fit into an fd_set of 1024"];
  const crowded = noticeOf("04", { ...facts, outcome, lines })!;
  assertMatch(crowded, /served 1,000 of 1,100 clients .* were turned away\.$/);
});

Deno.test("lesson 07 names the call that its selector made", () => {
  assertMatch(noticeOf("07", { ...NOTHING, calls: [calls("poll", 31)] })!, /made 31 poll calls\.$/);
});

Deno.test("lesson 08 says that signals became one only if there were fewer of them", () => {
  const few = noticeOf("08", { ...NOTHING, lines: ["417 signals for 1000 messages"] })!;
  assertMatch(few, /^417 signals for 1,000 messages: several became one/);
  const same = noticeOf("08", { ...NOTHING, lines: ["10 signals for 10 messages"] })!;
  assertEquals(same, "10 signals for 10 messages.");
});

Deno.test("lesson 09 says that there was no recv and no send call only if there was none", () => {
  const ring = [calls("io_uring_enter", 45)];
  assertStringIncludes(noticeOf("09", { ...NOTHING, calls: ring })!, "no recv and no send call");
  const mixed = noticeOf("09", { ...NOTHING, calls: [...ring, calls("send", 1)] })!;
  assert(!mixed.includes("no recv"), mixed);
});

Deno.test("lesson 18 says how many threads served, in a run of either server", () => {
  const outcome = { clients: 17, correct: 17, longest: 1000.4 };
  for (const line of ["threads that accept: 8", "threads that serve: 8; room in the queue: 16"]) {
    assertEquals(
      noticeOf("18", { ...NOTHING, outcome, cpu: 10, lines: ["listening on …", line] }),
      "8 threads served 17 clients, and used 1 % of a core; the longest wait was 1,000 ms.",
    );
  }
  const few = noticeOf("18", { ...NOTHING, lines: ["threads that accept: 1"] })!;
  assertMatch(few, /^1 thread served 1 client, .* the longest wait was 0\.1 ms\.$/);
  assertEquals(noticeOf("18", NOTHING), undefined);
});

Deno.test("lesson 23 says that clients had to go only if some were dropped", () => {
  const facts = { ...NOTHING, calls: [calls("recv", 40), calls("send", 1200)] };
  assertEquals(
    noticeOf("23", facts),
    "40 recv calls took in what was said, and 1,200 send calls passed it on to the others; " +
      "no client was too slow.",
  );
  const lines = ["dropped silent-1: more than 256 KiB were waiting for it"];
  assertMatch(noticeOf("23", { ...facts, lines })!, /; 1 client did not read, and had to go\.$/);
  assertMatch(noticeOf("23", { ...NOTHING, lines })!, /^Deno's own sockets did the work; 1 client/);
});

Deno.test("lesson 20 mentions wake-ups only if there were more of them than clients", () => {
  const lines = [
    "10 connections, by loop: 7, 3; 10 wake-ups to accept them",
    "1000 connections, by loop: 493, 507; 1000 wake-ups to accept them",
  ];
  const even = "The busiest of 2 loops had 7 of 10 clients, and 507 of 1,000 clients.";
  assertEquals(noticeOf("20", { ...NOTHING, lines }), even);
  lines[0] = "10 connections, by loop: 7, 3; 17 wake-ups to accept them";
  const herd = noticeOf("20", { ...NOTHING, lines })!;
  assertMatch(herd, /1,000 clients\. For 1,010 clients, loops woke up 1,017 times\.$/);
});

Deno.test("lesson 21 says that threads computed only if they have woken the loop", () => {
  const outcome = { clients: 12, correct: 12, longest: 409.6 };
  assertEquals(
    noticeOf("21", { ...NOTHING, outcome }),
    "Whatever was computed, the loop itself computed it; of 12 clients, the one that waited " +
      "longest waited for 410 ms.",
  );
  assertMatch(
    noticeOf("21", { ...NOTHING, outcome, calls: [calls("write", 2)] })!,
    /^Threads computed, and woke the loop with 2 write calls; of 12 clients, .* for 410 ms\.$/,
  );
});

Deno.test("lesson 24 says that no byte entered the program only if nothing was received", () => {
  const spliced = [calls("splice", 90, 30)];
  assertMatch(
    noticeOf("24", { ...NOTHING, calls: spliced })!,
    /^90 splice calls, 30 of .* no send/,
  );
  const mixed = noticeOf("24", { ...NOTHING, calls: [...spliced, calls("recv", 1)] })!;
  assertEquals(mixed, "90 splice calls, 30 of them EAGAIN.");
  const copied = noticeOf("24", { ...NOTHING, calls: [calls("recv", 60, 30), calls("send", 30)] })!;
  assertMatch(copied, /^60 recv calls and 30 send calls: each byte was copied/);
  assertEquals(noticeOf("24", NOTHING), undefined);
});

Deno.test("lesson 19 speaks of processes that died only if some did", () => {
  const begun = [1, 2].map((number) =>
    `child ${number} is process 7${number}, and began after 9 ms`
  );
  const died = "child 2 ended with SIGKILL: started again after 100 ms";
  const sentence = (...lines: string[]) => noticeOf("19", { ...NOTHING, lines })!;
  assertEquals(
    sentence(...begun),
    "2 processes accepted from one socket, and served 1 client; none of them died.",
  );
  assertMatch(sentence(...begun, died), /; one died, and another took its place\.$/);
  assertMatch(sentence(...begun, died, died), /; 2 died, and others took their place\.$/);
});

Deno.test("lesson 22 counts the calls of its timer, and says if it never ticked", () => {
  const facts = { ...NOTHING, calls: [calls("timerfd_settime", 2), calls("read", 21)] };
  assertMatch(noticeOf("22", facts)!, /^1 client, .* 2 timerfd_settime calls and 21 read calls/);
  assertMatch(noticeOf("22", NOTHING)!, /the timer never ticked/);
});

/** Runs a lesson, with its server edited, and returns all that was printed. */
async function run(name: string, args: string[], edit?: [from: string, to: string]) {
  const lesson: Lesson = findLesson(name)!;
  const folder = await Deno.makeTempDir();
  try {
    if (edit !== undefined) {
      const url = new URL(lesson.server!.path ?? `${lesson.folder}/server.ts`, LESSONS);
      const source = await Deno.readTextFile(url);
      assertStringIncludes(source, edit[0]);
      const path = `${folder}/server.ts`;
      const shared = new URL("../shared/", import.meta.url).href;
      await Deno.writeTextFile(
        path,
        source.replace(...edit).replaceAll('"../../shared/', `"${shared}`),
      );
      lesson.server!.path = new URL(path, "file:").href;
    }
    const module = new URL("../shared/tools/lesson/run.ts", import.meta.url);
    const code = `
      import { runLesson } from "${module}";
      Deno.exit(await runLesson(${JSON.stringify(lesson)}, ${JSON.stringify(args)}));`;
    return await deno(["run", "-A", `data:text/javascript,${encodeURIComponent(code)}`]);
  } finally {
    delete lesson.server?.path;
    await Deno.remove(folder, { recursive: true });
  }
}

/** A sleep of a millisecond in each round of a loop. */
const SLEEPING =
  "  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);\n  acceptOne();";

/** Altered runs, and what their closing sentence has to agree with. */
const ALTERED: [name: string, args: string[], edit?: [string, string]][] = [
  ["01", ["--clients", "1", "--pause", "10"]],
  ["01", ["--pause", "0"]],
  ["02", ["--clients", "2", "--pause", "0"]],
  ["03", ["--clients", "1", "--pause", "300"]],
  ["03", ["--pause", "300"], ["  acceptOne();", SLEEPING]],
  ["04", ["--clients", "3", "--pause", "0"]],
  ["05", ["--clients", "2", "--pause", "0"]],
  ["06", ["--clients", "10", "--active", "2", "--messages", "3"]],
  ["08", ["--clients", "1", "--bursts", "2"]],
  ["18", ["--clients", "2", "--pause", "0"]],
  ["18/queue", ["--clients", "9", "--pause", "300", "--messages", "1"]],
  ["23", ["--clients", "3", "--lines", "5", "--silent", "0"]],
  ["21", ["--work", "0", "--clients", "2"]],
  ["21/offload", ["--work", "3", "--clients", "1", "--messages", "1"]],
  ["19", ["--clients", "2", "--deaths", "0", "--messages", "1", "--pause", "0"]],
  ["22", ["--clients", "4", "--pause", "50"]],
  ["13/smallest", ["--clients", "2", "--lines", "1", "--pause", "0"]],
  ["20", ["--few", "3", "--clients", "20"]],
  ["20/handing", ["--few", "3", "--clients", "20"]],
  ["24", ["--clients", "2", "--messages", "3"]],
  ["24/copying", ["--clients", "1", "--messages", "3", "--size", "64"]],
];

for (const [name, args, edit] of ALTERED) {
  const altered = [name, ...args, ...edit === undefined ? [] : ["with a sleep"]].join(" ");
  Deno.test(`the closing sentence of ${altered} agrees with the run`, async () => {
    const { code, stdout, stderr } = await run(name, args, edit);
    assertEquals([code, stderr], [0, ""]);
    const sentence = /\n\n(.+(?:\n.+)*?)\n(?:Next: .*\n)?$/.exec(stdout)![1].replaceAll("\n", " ");
    const share = /CPU time +[\d.]+ s, (\d+) % of a core/.exec(stdout)![1];
    const told = /used (\d+) % of a core/.exec(sentence)?.[1];
    assertEquals(told ?? share, share, sentence);
    for (const [, count, call] of sentence.matchAll(/([\d,]+) (\w+) calls?\b/g)) {
      if (["system", "recv"].includes(call)) continue; // sums, and what follows "of"
      assertMatch(stdout, new RegExp(`^  ${call} calls +${count}\\b`, "m"), sentence);
    }
    const cost = (row: string) => new RegExp(`^  ${row} +([\\d,]+)`, "m").exec(stdout)?.[1];
    const [, recv] = /of ([\d,]+) recv calls,/.exec(sentence) ?? [];
    if (recv !== undefined) assertEquals(cost("recv calls"), recv, stdout);
    const threads = /: ([\d,]+) threads? more/.exec(sentence)?.[1];
    if (threads !== undefined) {
      const [, all, before] = /^ {2}threads +(\d+) \((\d+) before/m.exec(stdout)!;
      assertEquals(Number(threads), Number(all) - Number(before), stdout);
      const more = Number(/and (\d+) MiB more memory/.exec(sentence)![1]);
      const [, peak, first] = /^ {2}peak memory +(\d+) MiB \((\d+) MiB before/m.exec(stdout)!;
      assert(Math.abs(more - (Number(peak) - Number(first))) <= 1, sentence);
    }
    const list = /of up to ([\d,]+) descriptors/.exec(sentence)?.[1];
    if (list !== undefined) {
      assertEquals(list, String(Number(/client │ (\d+) clients, /.exec(stdout)![1]) + 1), sentence);
    }
    const signals = /^\d+ signals for \d+ messages/.exec(sentence.replaceAll(",", ""))?.[0];
    if (signals !== undefined) assertStringIncludes(stdout, `│ ${signals}\n`);
    const failed = /calls, ([\d,]+) returned EAGAIN/.exec(sentence)?.[1];
    if (failed !== undefined) {
      const rows = [...stdout.matchAll(/^ {2}\w+ calls .*?([\d,]+) EAGAIN/gm)];
      const sum = rows.reduce((sum, [, count]) => sum + Number(count.replaceAll(",", "")), 0);
      assertEquals(Number(failed.replaceAll(",", "")), sum, stdout);
    }
    const clients = Number(/client │ (\d+) clients, /.exec(stdout)![1]);
    const served = /served ([\d,]+) clients?/.exec(sentence)?.[1].replaceAll(",", "");
    assertEquals(Number(served ?? clients), clients, sentence);
    for (const [, most, all] of sentence.matchAll(/(\d+) of (\d+) clients/g)) {
      const loops =
        new RegExp(`server │ ${all} connections, by loop: ([\\d, ]+);`).exec(stdout)![1];
      assertEquals(Number(most), Math.max(...loops.split(", ").map(Number)), stdout);
    }
    if (name === "01") assert(!/client 2|waited for \d+ ms: the only/.test(sentence), sentence);
  });
}
