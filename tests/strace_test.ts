/** What the recorder reports, compared with what strace sees from outside. */

import { assertEquals, assertGreater } from "@std/assert";
import { startBehind, upstreamOption } from "../shared/tools/lesson/behind.ts";
import { type CatalogueServer, servers } from "../shared/tools/lesson/catalogue.ts";
import { linesOf } from "../shared/lines.ts";
import { denoRun } from "../shared/tools/process/child.ts";
import type { TraceEvent } from "../shared/tools/trace/events.ts";
import { recorderUrl } from "../shared/tools/trace/settings.ts";
import { connect, greet } from "../shared/tools/check/clients.ts";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { whyNoStrace } from "./processes.ts";
import { readTrace, resultsOf } from "./trace_events.ts";

/** The kernel's names, which strace shows, where the C library has others. */
const SYSTEM_CALLS: Record<string, string> = {
  epoll_pwait: "epoll_wait",
  eventfd2: "eventfd",
  ppoll: "poll",
  pselect6: "select",
  recvfrom: "recv",
  sendto: "send",
  signalfd4: "signalfd",
};
/** Calls whose first argument is no descriptor. */
const WITHOUT_DESCRIPTOR = [
  ...["select", "poll", "socket", "signalfd", "epoll_create1", "eventfd"],
  "timerfd_create",
];
/** Calls whose result is a new descriptor. */
const OPENS = [
  ...["socket", "accept4", "epoll_create1", "eventfd", "signalfd", "io_uring_setup"],
  "timerfd_create",
];
const COMPARED = [
  ...["accept4", "bind", "close", "epoll_create1", "epoll_ctl", "epoll_wait", "eventfd", "fcntl"],
  ...["getsockname", "io_uring_enter", "listen", "poll", "read", "recv", "recvmsg", "select"],
  ...["send", "setsockopt", "shutdown", "signalfd", "socket", "splice"],
  ...["timerfd_create", "timerfd_settime", "write"],
];

/** Three clients, each of which says two things. */
async function visitAll(port: number, server: CatalogueServer) {
  await Promise.all([1, 2, 3].map(async () => {
    using connection = await connect({ host: "127.0.0.1", port });
    for (let i = 0; i < 2; i++) await greet(connection, server);
  }));
}

/** The calls whose constants are compared by name. */
const NAMED = ["socket", "accept4", "epoll_ctl"];

/** Adds the names of the constants that stand in a call, in any order. */
function addNames(names: Map<string, number>, call: string, text: string, count = 1) {
  if (!NAMED.includes(call)) return;
  const words = text.match(/\b[A-Z]+_[A-Z_]+\b|\bEPOLL[A-Z]+\b/g) ?? [];
  const key = `${call} ${words.sort().join(" ")}`;
  names.set(key, (names.get(key) ?? 0) + count);
}

/** The server's calls as strace saw them: those of its threads on its descriptors. */
function seenByStrace(folder: string, events: TraceEvent[]) {
  const results = new Map<string, number>();
  const names = new Map<string, number>();
  const calls = events.filter(({ cat }) => cat === "call");
  const own = lifetimesOf(events);
  for (const tid of new Set(calls.map(({ tid }) => tid))) {
    const ofThread = calls.filter((event) => event.tid === tid);
    const first = ofThread[0].ts - 500;
    const last = ofThread.at(-1)!.ts + ofThread.at(-1)!.dur! + 500;
    for (const line of Deno.readTextFileSync(`${folder}/strace.${tid}`).split("\n")) {
      const match = /^(\d+\.\d+) (\w+)\((-?\d+)?.* = (-?\d+)(?: (E[A-Z]+))?/.exec(line);
      if (match === null) continue;
      const [, seconds, call, fd, result, error] = match;
      const time = Number(seconds) * 1e6;
      const name = SYSTEM_CALLS[call] ?? call;
      if (!COMPARED.includes(name) || time < first || time > last) continue;
      const lives = own.get(Number(fd))?.some(([from, until]) => from < time && time < until);
      if (!WITHOUT_DESCRIPTOR.includes(name) && !lives) continue;
      const key = `${name} = ${error === undefined ? result : `${result} ${error}`}`;
      results.set(key, (results.get(key) ?? 0) + 1);
      if (error === undefined) addNames(names, name, line);
    }
  }
  return { results, names };
}

/** From when until when a descriptor was the server's: numbers of closed ones are used again. */
function lifetimesOf(events: TraceEvent[]): Map<number, [from: number, until: number][]> {
  const lifetimes = new Map<number, [number, number][]>();
  for (const { cat, name, ts, dur = 0, args } of events.toSorted((a, b) => a.ts - b.ts)) {
    const [fd, result] = [Number(args.fd), Number(args.result)];
    // io_uring accepts without a call.
    if (cat === "call" ? OPENS.includes(name) : cat === "io_uring" && name === "accept") {
      lifetimes.set(result, [...lifetimes.get(result) ?? [], [ts, Infinity]]);
    } else if (cat === "call" && name === "pipe2") {
      for (const end of JSON.parse(String(args.ends))) {
        lifetimes.set(end, [...lifetimes.get(end) ?? [], [ts, Infinity]]);
      }
    } else if (cat === "call" && name === "close") {
      const last = lifetimes.get(fd)?.at(-1);
      if (last !== undefined) last[1] = ts + dur;
    }
  }
  return lifetimes;
}

function sorted(results: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...results].sort(([a], [b]) => a < b ? -1 : 1));
}

for (const server of servers) {
  const { name, script, args, permissions, native, needsIoUring, behind } = server;
  if (native) continue; // its calls are not ours
  const reason = whyNoStrace || unavailable({ needsIoUring });
  Deno.test({
    name: `strace sees the calls of ${name} that are recorded${
      reason ? ` (skipped: ${reason})` : ""
    }`,
    ignore: Boolean(reason),
    fn: async () => {
      const directory = await Deno.makeTempDir();
      await using stack = new AsyncDisposableStack();
      const upstream = behind && await upstreamOption(stack.use(startBehind(behind)));
      const trace = `${directory}/trace`;
      const preload = recorderUrl(permissions, { trace, name: "server" });
      const options = ["--port", "0", "--connections", "3", ...args, ...upstream || []];
      const process = new Deno.Command("strace", {
        args: [
          ...["-ff", "-ttt", "-s", "0", "-o", `${directory}/strace`],
          ...["-e", "trace=all", "-e", "signal=none", "--seccomp-bpf"],
          ...denoRun(script, permissions, options, preload),
        ],
        env: { DENO_NO_UPDATE_CHECK: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      // Ending strace would not end the server, but ending the server ends both.
      const timer = setTimeout(() => Deno.kill(readTrace(trace)[0].pid, "SIGKILL"), 20_000);
      for await (const line of linesOf(process.stdout)) {
        const port = /^listening on .*:(\d+)$/.exec(line)?.[1];
        if (port !== undefined) await visitAll(Number(port), server);
      }
      clearTimeout(timer);
      assertEquals((await process.status).code, 0);

      const events = readTrace(trace);
      const own = [...resultsOf(events)].filter(([key]) => COMPARED.includes(key.split(" ")[0]));
      assertGreater(own.length, 3);
      const { results, names } = seenByStrace(directory, events);
      assertEquals(sorted(new Map(own)), sorted(results));
      const ownNames = new Map<string, number>();
      for (const { cat, name, args: { error, ...args } } of events) {
        if (cat !== "call" || error !== undefined) continue;
        addNames(ownNames, name, Object.values(args).join(", "));
      }
      assertEquals(sorted(ownNames), sorted(names));
      await Deno.remove(directory, { recursive: true });
    },
  });
}
