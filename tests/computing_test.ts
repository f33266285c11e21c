/** Lesson 21: what its servers do with messages that take computing, and how the jobs are kept. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { deadline, delay } from "@std/async";
import { Jobs } from "../lessons/21-computing/jobs.ts";
import { isWork } from "../lessons/21-computing/work.ts";
import {
  bytesOf,
  connect,
  ignoreRejection,
  say,
  visit,
  visitRudely,
} from "../shared/tools/check/clients.ts";
import { Server } from "../shared/tools/check/server.ts";
import { subjectOf } from "./mutants/mutants.ts";
import { readTrace, recorded, resultsOf } from "./trace_events.ts";

const [inTheLoop, offload] = ["21 computing", "21 computing offload"].map(subjectOf);

Deno.test("21 computing: while the loop computes, all others wait for it", async () => {
  await using server = await Server.start(inTheLoop);
  using other = await connect(server);
  await say(other);
  const start = performance.now();
  const works = [1, 2].map(async () => {
    await visit(server, bytesOf("work "));
    return performance.now() - start;
  });
  await delay(60); // the loop has begun with one of them by now
  await say(other);
  const waited = performance.now() - start;
  const [first] = (await Promise.all(works)).sort((a, b) => a - b);
  assertGreater(waited, 0.9 * first);
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`21 computing offload: ${signal} during a computation ends all of it`, async () => {
    await using server = await Server.start(offload);
    using connection = await connect(server);
    const reply = ignoreRejection(say(connection, "work "));
    await delay(50);
    await server.stop(signal);
    await reply.catch(() => {});
    // Its threads end with it: nobody is left who listens.
    assertEquals(await connect(server).then(() => "connected", () => "refused"), "refused");
  });
}

Deno.test("21 computing offload: it ends by itself while threads compute for nobody", async () => {
  await using server = await Server.start(offload, { args: ["--connections", "3"] });
  await Promise.all([1, 2, 3].map(() => visitRudely(server, bytesOf("work "), 20)));
  const { code } = await deadline(server.ended, 5000);
  assertEquals([code, ...server.errors], [0]);
});

Deno.test("21 computing offload: an eventfd reports results, threads are in traces", async () => {
  const trace = await Deno.makeTempFile();
  await using server = await Server.start(recorded(offload, { trace }), {
    args: ["--connections", "3"],
  });
  await Promise.all([1, 2, 3].map(() => visit(server, bytesOf("work "))));
  await deadline(server.ended, 5000);
  const events = readTrace(trace);
  await Deno.remove(trace);
  const results = resultsOf(events);
  assertEquals(results.get("write = 8"), 3);
  const reads = results.get("read = 8")!; // one read takes all that has been added
  assert(reads >= 1 && reads <= 3, `${reads} reads`);
  const names = events.filter(({ name }) => name === "thread_name").map(({ args }) => args.name);
  assertEquals(names.sort(), ["server", "thread 1", "thread 2"]);
  // What a thread reports, it has computed before.
  for (const [i, { name, tid }] of events.entries()) {
    if (name !== "write") continue;
    assertEquals(events.slice(0, i).findLast((event) => event.tid === tid)?.cat, "computing");
  }
});

Deno.test("isWork() looks at the beginning of what one recv has returned, and at no more", () => {
  const buffer = bytesOf("work hard");
  assertEquals([9, 5, 4, 0].map((length) => isWork(buffer, length)), [true, true, false, false]);
  for (const text of ["Work hard", "hard work ", "worker ", " work "]) {
    assertEquals(isWork(bytesOf(text), text.length), false, text);
  }
});

Deno.test("Jobs has as many places as it was given, each in use until its result is taken", () => {
  const jobs = Jobs.of<string>(2);
  const puts = ["one", "two", "three"].map((owner) => jobs.tryPut(owner, bytesOf(owner)));
  assertEquals(puts, [true, true, false]);
  const place = jobs.take()!;
  assertEquals(jobs.tryPut("three", bytesOf("three")), false); // a thread has it
  jobs.finish(place);
  assertEquals(jobs.tryPut("three", bytesOf("three")), false); // nobody has taken its result
  assertEquals([...jobs.results()], [["one", bytesOf("one")]]);
  assertEquals(jobs.tryPut("three", bytesOf("three")), true);
  assertEquals([...jobs.results()], []);
});

Deno.test("Jobs hands each result to its owner, in whatever order threads finish", () => {
  const jobs = Jobs.of<string>(3);
  for (const owner of ["a", "bc", "def"]) jobs.tryPut(owner, bytesOf(owner));
  const thread = new Jobs(jobs.memory);
  const places = [1, 2, 3].map(() => thread.take()!);
  assertEquals(places.map((place) => thread.message(place)), ["a", "bc", "def"].map(bytesOf));
  for (const place of places.toReversed()) thread.finish(place);
  assertEquals([...jobs.results()], ["def", "bc", "a"].map((owner) => [owner, bytesOf(owner)]));
});

Deno.test("Jobs shows a thread nothing of what was cancelled, and nobody gets its result", () => {
  const jobs = Jobs.of<string>(2);
  for (const owner of ["gone", "here"]) jobs.tryPut(owner, bytesOf(owner));
  jobs.cancel("gone");
  const places = [jobs.take()!, jobs.take()!];
  assertEquals(places.map((place) => jobs.message(place).length), [0, 4]);
  for (const place of places) jobs.finish(place);
  assertEquals([...jobs.results()], [["here", bytesOf("here")]]);
  // Both places are free again.
  assertEquals([1, 2, 3].map((i) => jobs.tryPut(`${i}`, bytesOf("next"))), [true, true, false]);
});

Deno.test("Jobs lets its threads end when it is closed, without what was waiting", () => {
  const jobs = Jobs.of<string>(2);
  for (const owner of ["one", "two"]) jobs.tryPut(owner, bytesOf(owner));
  jobs.close();
  const lengths = [jobs.take()!, jobs.take()!].map((place) => jobs.message(place).length);
  assertEquals([...lengths, jobs.take()], [0, 0, undefined]);
});
