/** What `--trace` reports, compared with what strace saw from the outside. */

import { assertEquals, assertGreater } from "@std/assert";
import { fileURLToPath } from "node:url";
import { LESSONS, serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { linesOf } from "../shared/lines.ts";
import type { TraceEvent } from "../shared/tools/trace/events.ts";
import { bytesOf, connect } from "../shared/tools/check/clients.ts";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { whyNoStrace } from "./processes.ts";
import { readTrace, resultsOf } from "./trace_events.ts";

/** What the kernel calls them, of which strace tells, where the C library calls them otherwise. */
const SYSTEM_CALLS: Record<string, string> = {
  epoll_pwait: "epoll_wait",
  ppoll: "poll",
  pselect6: "select",
  recvfrom: "recv",
  sendto: "send",
  signalfd4: "signalfd",
};
/** Whose first argument is no descriptor. */
const WITHOUT_DESCRIPTOR = ["select", "poll", "socket", "signalfd", "epoll_create1"];
/** Whose result is a new descriptor. */
const OPENS = ["socket", "accept4", "epoll_create1", "signalfd", "io_uring_setup"];
const COMPARED = [
  ...["accept4", "bind", "close", "epoll_create1", "epoll_ctl", "epoll_wait", "fcntl"],
  ...["getsockname", "io_uring_enter", "listen", "poll", "read", "recv", "recvmsg", "select"],
  ...["send", "setsockopt", "shutdown", "signalfd", "socket"],
];

/** Three clients, each of whom says two things. */
async function visitAll(port: number) {
  await Promise.all([1, 2, 3].map(async () => {
    using connection = await connect({ host: "127.0.0.1", port });
    for (const word of ["hello", "goodbye"]) {
      await connection.write(bytesOf(word));
      for (let n = 0; n < word.length;) n += await connection.read(new Uint8Array(16)) ?? Infinity;
    }
  }));
}

/** The server's calls as strace saw them: those of its threads on its descriptors. */
function seenByStrace(folder: string, events: TraceEvent[]): Map<string, number> {
  const results = new Map<string, number>();
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
    }
  }
  return results;
}

/** From when until when a descriptor was the server's: numbers of closed ones are used again. */
function lifetimesOf(events: TraceEvent[]): Map<number, [from: number, until: number][]> {
  const lifetimes = new Map<number, [number, number][]>();
  for (const { cat, name, ts, dur = 0, args } of events.toSorted((a, b) => a.ts - b.ts)) {
    const [fd, result] = [Number(args.fd), Number(args.result)];
    // io_uring accepts without a call.
    if (cat === "call" ? OPENS.includes(name) : cat === "io_uring" && name === "accept") {
      lifetimes.set(result, [...lifetimes.get(result) ?? [], [ts, Infinity]]);
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

for (const { folder, server } of serverLessons) {
  if (server.native) continue; // its calls are not ours
  for (const variant of [[], ...server.variants ?? []]) {
    const name = [folder, ...variant].join(" ");
    const reason = whyNoStrace || unavailable(server);
    Deno.test({
      name: `strace saw the calls that ${name} tells of${reason ? ` (skipped: ${reason})` : ""}`,
      ignore: Boolean(reason),
      fn: async () => {
        const directory = await Deno.makeTempDir();
        const process = new Deno.Command("strace", {
          args: [
            ...["-ff", "-ttt", "-s", "0", "-o", `${directory}/strace`],
            ...["-e", "trace=all", "-e", "signal=none", "--seccomp-bpf"],
            ...[Deno.execPath(), "run", ...server.permissions],
            fileURLToPath(new URL(`${folder}/server.ts`, LESSONS)),
            ...["--port", "0", "--connections", "3", `--trace=${directory}/trace`, ...variant],
          ],
          stdin: "null",
          stdout: "piped",
          stderr: "null",
        }).spawn();
        // Ending strace would not end the server, but ending the server ends both.
        const timer = setTimeout(() => {
          Deno.kill(readTrace(`${directory}/trace`)[0].pid, "SIGKILL");
        }, 20_000);
        for await (const line of linesOf(process.stdout)) {
          const port = /^listening on .*:(\d+)$/.exec(line)?.[1];
          if (port !== undefined) await visitAll(Number(port));
        }
        clearTimeout(timer);
        assertEquals((await process.status).code, 0);

        const events = readTrace(`${directory}/trace`);
        const told = new Map(
          [...resultsOf(events)].filter(([key]) => COMPARED.includes(key.split(" ")[0])),
        );
        assertGreater(told.size, 3);
        assertEquals(sorted(told), sorted(seenByStrace(directory, events)));
        await Deno.remove(directory, { recursive: true });
      },
    });
  }
}
