/** `shared/tools/process/signals.ts`, and Ctrl-C while a lesson runs. */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { childrenOf } from "../shared/tools/process/proc.ts";
import { deno, ROOT } from "./processes.ts";

Deno.test("onEndSignal() passes on each signal, with its exit code", async () => {
  // In a process of its own: the same signals would end the tests.
  const code = `
    const { onEndSignal } = await import("${new URL(
    "../shared/tools/process/signals.ts",
    import.meta.url,
  )}");
    {
      const { promise, resolve } = Promise.withResolvers();
      const seen = [];
      using _listening = onEndSignal((signal, code) => {
        seen.push(signal, code);
        if (seen.length === 6) resolve();
      });
      for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) {
        Deno.kill(Deno.pid, signal);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await promise;
      console.log(seen.join(" "));
    }
    Deno.kill(Deno.pid, "SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 5000));
    console.log("not ended");`;
  const { stdout, code: exitCode } = await deno(["eval", "--quiet", code]);
  assertEquals([stdout, exitCode], ["SIGHUP 129 SIGINT 130 SIGTERM 143\n", 143]);
});

function interrupt(pid: number): void {
  try {
    Deno.kill(pid, "SIGINT");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // it has just ended
  }
}

// At a terminal, Ctrl-C reaches the scripts as well, and they may end before the runner looks.
for (const moment of [150, 300, 450, 600, 900]) {
  Deno.test(`Ctrl-C ${moment} ms after the start of a lesson is 130, and no error`, async () => {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "shared/tools/lesson/main.ts", "03"],
      cwd: ROOT,
      env: { NO_COLOR: "1", XDG_STATE_HOME: "/dev/null" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await delay(moment);
    const children = childrenOf(process.pid);
    for (const child of children) interrupt(child);
    await delay(50);
    process.kill("SIGINT");
    const { code, signal, stderr } = await process.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [130, ""]);
    if (children.length > 0) assertEquals(signal, null); // the runner listens before it starts any
  });
}
