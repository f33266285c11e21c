/** Lesson 22: what its server promises, what it is made of, and the restart. */

import { assertEquals, assertGreater, assertLess, assertMatch, assertThrows } from "@std/assert";
import { delay, retry } from "@std/async";
import { execv, getenv, ownArguments } from "../shared/linux/exec.ts";
import { close } from "../shared/linux/descriptors.ts";
import { clock_gettime, CLOCK_MONOTONIC } from "../shared/linux/time.ts";
import {
  readTimer,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  timerfd_create,
  timerfd_settime,
} from "../shared/linux/timerfd.ts";
import { connect, say } from "../shared/tools/check/clients.ts";
import { Server } from "../shared/tools/check/server.ts";
import { callsBetween, readCounts } from "../shared/tools/lesson/costs.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";
import { argumentsOf } from "../shared/tools/trace/arguments.ts";
import { subjectOf } from "./mutants/mutants.ts";
import { deno } from "./processes.ts";
import { recorded } from "./trace_events.ts";

const subject = subjectOf("22 lifetime");

Deno.test("22 lifetime: the timer ticks while there is a client, and never else", async () => {
  const counts = await Deno.makeTempFile();
  function ticks(): number {
    const calls = callsBetween(new Map(), readCounts(counts));
    return calls.find(({ name }) => name === "read")?.calls ?? 0;
  }
  await using server = await Server.start(recorded(subject, { counts }), {
    args: ["--idle", "10000"],
  });
  const before = ticks(); // it has read its own command line
  await delay(150);
  assertEquals(ticks(), before);
  {
    using connection = await connect(server);
    await say(connection);
    await retry(() => assertGreater(ticks(), before + 3), {
      minTimeout: 20,
      maxAttempts: 50,
      multiplier: 1,
      jitter: 0,
    });
  }
  await delay(150); // a tick finds that there is nothing on the wheel
  const after = ticks();
  await delay(150);
  assertEquals(ticks(), after);
  await Deno.remove(counts);
});

Deno.test("22 lifetime: SIGTERM is blocked in every thread of the server", async () => {
  await using server = new Child(denoRun(subject.script, subject.permissions, ["--port", "0"]));
  await server.listening();
  const threads = [...Deno.readDirSync(`/proc/${server.pid}/task`)].map(({ name }) => name);
  assertGreater(threads.length, 1);
  for (const thread of threads) {
    const status = Deno.readTextFileSync(`/proc/${server.pid}/task/${thread}/status`);
    const blocked = BigInt(`0x${/^SigBlk:\s*(\w+)$/m.exec(status)![1]}`);
    assertEquals(blocked >> 14n & 1n, 1n, status);
  }
});

Deno.test("22 lifetime: a restart that hands the socket over loses nobody", async () => {
  const permissions = ["--allow-ffi", "--allow-net", "--allow-run"];
  const restart = ["run", "--no-prompt", ...permissions, "lessons/22-lifetime/restart.ts"];
  const { code, stdout, stderr } = await deno([...restart, "--clients", "600"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^handed over: 600 served, 0 refused, 0 reset, 0 left waiting$/m);
  // The other one does lose some, or there would be nothing to see.
  assertMatch(stdout, /^bound again: \d+ served, [1-9]\d* refused, \d+ reset, 0 left waiting$/m);
});

Deno.test("22 lifetime: a socket that is meant for another process is not taken", async () => {
  await using server = await Server.start(subject); // its port is taken
  const { code, stderr } = await deno(
    ["run", "--allow-ffi", "lessons/22-lifetime/server.ts", "--port", String(server.port)],
    { LISTEN_FDS: "1", LISTEN_PID: String(Deno.pid) },
  );
  assertEquals(code, 1);
  assertMatch(stderr, / taken/); // so it tried to bind
});

Deno.test("readTimer() counts expirations: none too early, and none when it is unset", async () => {
  const timer = timerfd_create(CLOCK_MONOTONIC);
  try {
    assertEquals(readTimer(timer), 0);
    timerfd_settime(timer, 0, 20, 10);
    assertEquals(readTimer(timer), 0);
    await delay(60);
    assertGreater(readTimer(timer), 3);
    assertLess(readTimer(timer), 3); // those since then
    timerfd_settime(timer, TFD_TIMER_ABSTIME, clock_gettime(CLOCK_MONOTONIC) - 5);
    assertEquals([readTimer(timer), readTimer(timer)], [1, 0]); // passed, not repeated
    timerfd_settime(timer, 0, 5, 5);
    timerfd_settime(timer, 0, 0);
    await delay(20);
    assertEquals(readTimer(timer), 0);
  } finally {
    close(timer);
  }
});

Deno.test("the recorder shows a timer's clock and flags by name, and its times in seconds", () => {
  const flags = TFD_CLOEXEC | TFD_NONBLOCK;
  assertEquals(argumentsOf("timerfd_create")([CLOCK_MONOTONIC, flags]), {
    clock: "CLOCK_MONOTONIC",
    flags: "TFD_NONBLOCK|TFD_CLOEXEC",
  });
  const times = BigInt64Array.of(0n, 20_000_000n, 1500n, 500_000_000n);
  assertEquals(argumentsOf("timerfd_settime")([7, TFD_TIMER_ABSTIME, times, null]), {
    fd: 7,
    flags: "TFD_TIMER_ABSTIME",
    interval: "0.02 s",
    first: "1500.5 s",
  });
});

Deno.test("execv() runs a program with the arguments that ownArguments() has there", async () => {
  const module = new URL("../shared/linux/exec.ts", import.meta.url);
  const code = `
    import { execv, getenv, ownArguments } from "${module}";
    const args = ownArguments();
    if (args.at(-1) === "again") {
      console.log(Deno.pid, getenv("ODD"), JSON.stringify(args.slice(-3)));
    } else {
      console.log(Deno.pid);
      execv("/proc/self/exe", [...args, "", "grüße", "again"]);
    }`;
  const { stdout } = await deno(
    ["run", "--allow-ffi", `data:text/javascript,${encodeURIComponent(code)}`],
    { ODD: "a b" },
  );
  const [first, second] = stdout.split("\n");
  assertEquals(second, `${first} a b ["","grüße","again"]`);
});

Deno.test("execv() throws if there is no such program; getenv() knows what is not there", () => {
  assertThrows(() => execv("/no/such/program", ["a"]), Error, "ENOENT");
  assertEquals(getenv("NO_SUCH_VARIABLE"), undefined);
  assertEquals(ownArguments()[0] === "", false);
});
