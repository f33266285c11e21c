/** What the recorder adds for the player, and what it leaves out for everything else. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { eventsIn } from "../shared/tools/trace/read.ts";
import { recorderUrl } from "../shared/tools/trace/settings.ts";
import { deno } from "./processes.ts";

const SHARED = new URL("../shared/", import.meta.url).href;

/** Runs a script under the recorder, and returns what was recorded and printed. */
async function recorded(source: string, detailed?: true) {
  const folder = await Deno.makeTempDir();
  try {
    const [script, trace] = [`${folder}/script.ts`, `${folder}/trace.json`];
    await Deno.writeTextFile(script, source.replaceAll("shared/", SHARED));
    const preload = recorderUrl(["-A"], { trace, name: "script", detailed });
    const { stdout, stderr } = await deno(["run", "-A", "--quiet", "--preload", preload, script]);
    return { events: [...eventsIn(trace)], stdout, stderr, script };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const CALLS = `import { close } from "shared/linux/descriptors.ts";
import { poll, POLLIN, PollList } from "shared/linux/poll.ts";
import { FdSet, select } from "shared/linux/select.ts";
import { AF_INET, SOCK_STREAM, socket, tryRecv } from "shared/linux/socket.ts";

function* sockets() {
  for (let i = 0; i < 50; i++) yield socket(AF_INET, SOCK_STREAM); // line 7
}

const fds = [...sockets()];
const results = new Set<number>();
for (let i = 0; i < 1000; i++) results.add(tryRecv(fds[0], new Uint8Array(1))); // line 12
const [list, readable] = [new PollList(), new FdSet()];
for (const fd of fds) { list.add(fd, POLLIN); readable.add(fd); }
poll(list, 0); // line 15: a socket that is not connected hangs up
select(fds.at(-1)! + 1, readable, null, null, 0); // line 16
for (const fd of fds) close(fd); // line 17
console.log([...results].join(), fds[0]);
`;

Deno.test("for the player, each place is recorded once, and calls refer to it", async () => {
  const { events, stdout, stderr, script } = await recorded(CALLS, true);
  const [result, first] = stdout.trim().split(" ").map(Number);
  assertEquals([result, stderr], [-107, ""]); // errno is still that of the call: ENOTCONN
  const places = events.filter(({ name }) => name === "place").map(({ args }) => args);
  assertEquals(places.map(({ place }) => place), [7, 12, 15, 16, 17].map((n) => `${script}:${n}`));
  const calls = events.filter(({ cat }) => cat === "call");
  const lineOf = new Map(places.map(({ id, place }) => [id, Number(String(place).split(":")[1])]));
  for (const [name, line] of [["socket", 7], ["recv", 12], ["poll", 15], ["close", 17]] as const) {
    const own = calls.filter((call) => call.name === name);
    assertGreater(own.length, 0);
    assertEquals(new Set(own.map(({ args }) => lineOf.get(args.at))), new Set([line]), name);
  }
  // A run of failing calls is one event, with one place.
  assert(calls.filter(({ name }) => name === "recv").length < 10);
  const [polled, selected] = ["poll", "select"].map((name) =>
    calls.find((call) => call.name === name)!.args
  );
  assertEquals(polled.watched, `POLLIN ${first}-${first + 49}`);
  assertEquals(polled.found, `POLLHUP ${first}-${first + 49}`);
  assertEquals([selected.watched, selected.found], [
    `in ${first}-${first + 49}`,
    `in ${first}-${first + 49}`,
  ]);
});

Deno.test("a coroutine waits at its yield*, which is known when it is suspended", async () => {
  const { events, stderr, script } = await recorded(
    `import { channel } from "node:diagnostics_channel";
function publish(state, id, name) { channel("coroutine").publish({ state, id, name }); }
function* sleep() { yield; } // lines 3 and 4 are no place of their own: they are delegated to
function* twice() { yield* sleep(); yield* sleep(); } // line 4
function* numbers() { while (true) yield 1; }
function* coroutine() {
  for (const _ of numbers()) break; // another generator, which nobody waits for
  yield* sleep(); // line 8
  yield* twice();
  yield; // line 10: without a star, it is seen by nobody
}
const own = coroutine();
publish("created", 1, "c"); // line 13
let done = false;
while (!done) {
  publish("running", 1, "c");
  ({ done } = own.next());
  publish(done ? "ended" : "suspended", 1, "c");
}`,
    true,
  );
  assertEquals(stderr, "");
  const lines = new Map(
    events.filter(({ name }) => name === "place").map(({ args }) =>
      [args.id, String(args.place).slice(script.length + 1)] as const
    ),
  );
  const own = events.filter(({ cat, ph, name }) =>
    cat === "coroutine" && (ph === "e" || name === "c")
  );
  assertEquals(
    own.map(({ name, args: { at } }) => [name, at === undefined ? "" : lines.get(at)!].join(" ")),
    ["c 2", "running 8", "running 4", "running 4", "running ", "running ", "c "],
  );
});

Deno.test("a process that kills itself has called kill, which does not return", async () => {
  const { events, script } = await recorded(
    `import { kill, SIGKILL } from "shared/linux/process.ts";
kill(Deno.pid, SIGKILL); // line 2`,
    true,
  );
  const place = events.find(({ name }) => name === "place")?.args;
  const { name, args } = events.at(-1)!;
  assertEquals([name, args.signal, args.result, args.at], ["kill", "SIGKILL", "?", place?.id]);
  assertEquals(place?.place, `${script}:2`);
});

Deno.test("for anything else, neither places nor lists of descriptors are recorded", async () => {
  const { events } = await recorded(CALLS);
  assertEquals(events.filter(({ name, cat }) => name === "place" || cat === "socket"), []);
  const keys = new Set(events.flatMap(({ args }) => Object.keys(args)));
  for (const key of ["at", "watched", "found"]) assert(!keys.has(key), key);
  assert(keys.has("ready"));
});

Deno.test("each piece that a client takes or gives is recorded for the player", async () => {
  const { events, stdout } = await recorded(
    `
    import { ask } from "shared/client.ts";
    import { connectWhenReady } from "shared/ready.ts";
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const visiting = connectWhenReady({ host: "127.0.0.1", port: listener.addr.port });
    const served = await listener.accept();
    {
      using connection = await visiting;
      const asking = ask(connection, new TextEncoder().encode("hello"));
      await served.read(new Uint8Array(9));
      await served.write(new TextEncoder().encode("HE"));
      await new Promise((resolve) => setTimeout(resolve, 20));
      await served.write(new TextEncoder().encode("LLO"));
      await asking;
      await connection.closeWrite();
      served.close();
      console.log(await connection.read(new Uint8Array(1)) === null ? "end" : "more");
    }
    listener.close();`,
    true,
  );
  assertEquals(stdout, "end\n");
  assertEquals(
    events.filter(({ cat }) => cat === "socket").map(({ name, tid, args }) =>
      [name, tid, args.bytes].join(" ").trim()
    ),
    ["taken 1 5", "given 1 2", "given 1 3", "shut down 1", "given 1 0", "closed 1"],
  );
});

Deno.test("the same holds for a client that reads lines, and it does not read ahead", async () => {
  const { events, stdout, stderr } = await recorded(
    `
    import { linesOf } from "shared/lines.ts";
    import { connectWhenReady } from "shared/ready.ts";
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = { host: "127.0.0.1", port: listener.addr.port };
    using connection = await connectWhenReady(address);
    const served = await listener.accept();
    const lines = linesOf(connection.readable);
    await served.write(new TextEncoder().encode("one\\ntwo"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await served.write(new TextEncoder().encode("!\\n"));
    served.close();
    console.log("now");
    console.log((await Array.fromAsync(lines)).join());
    listener.close();`,
    true,
  );
  assertEquals([stdout, stderr], ["now\none,two!\n", ""]);
  assertEquals(
    events.filter(({ cat }) => cat === "socket").map(({ name, tid, args }) =>
      [name, tid, args.bytes].join(" ").trim()
    ),
    ["given 1 9", "given 1 0", "closed 1"],
  );
});
