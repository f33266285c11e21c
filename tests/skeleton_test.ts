/** Neighbouring servers differ by their model, and by nothing else. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { deadline } from "@std/async";
import { connect, greet } from "../shared/tools/check/clients.ts";
import type { Subject } from "../shared/tools/check/server.ts";
import { subjects, unavailable } from "../shared/tools/check/subjects.ts";
import { LESSONS } from "../shared/tools/lesson/catalogue.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";
import { whyNoStrace } from "./processes.ts";

const FOLDERS = ["03-nonblocking", "04-select", "05-poll", "06-epoll", "07-selectors"];

function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, LESSONS));
}

/** The function `serve` of a script, with the comment before it. */
function serveOf(text: string): string {
  const match = /^(\/\*\*[^\n]*\*\/\n)?function\*? serve\(.*?^}\n/ms.exec(text);
  assert(match !== null, "there is no serve");
  return match[0];
}

/** The lines of code, without comments and empty lines, and without their indentation. */
function codeOf(text: string): string[] {
  return text.replace(/\/\*\*.*?\*\//gs, "").split("\n")
    .map((line) => line.replace(/(^|\s)\/\/ .*$/, "").trim())
    .filter(Boolean);
}

/** What comes after the imports. */
function belowImports(text: string): string {
  return text.slice(text.search(/^const options/m));
}

/** How many lines have to be taken away and added to make one list out of another. */
function changedLines(before: string[], after: string[]): number {
  // The longest common subsequence, as in diff(1): row by row, with the last row kept.
  let row = new Array(after.length + 1).fill(0);
  for (const line of before) {
    const next = [0];
    for (let i = 0; i < after.length; i++) {
      next.push(line === after[i] ? row[i] + 1 : Math.max(row[i + 1], next[i]));
    }
    row = next;
  }
  return before.length + after.length - 2 * row[after.length];
}

Deno.test("serve is the same text in lessons 03 to 07", () => {
  const [first, ...others] = FOLDERS.map((folder) => serveOf(textOf(`${folder}/server.ts`)));
  for (const other of others) assertEquals(other, first);
});

Deno.test("serve of lesson 20's loops is the same text as well", () => {
  const [epoll, loop] = ["06-epoll/server.ts", "20-loop-per-core/loop.ts"].map(textOf).map(serveOf);
  assertEquals(loop, epoll);
});

for (
  const path of [
    "02-threads/thread.ts",
    "13-event-loop/server.ts",
    "14-greenlets/server.ts",
    "18-thread-pool/thread.ts",
    "18-thread-pool/worker.ts",
  ]
) {
  Deno.test(`serve of lesson 01 is that of ${path}, but for yield* and comments`, () => {
    const blocking = codeOf(serveOf(textOf("01-blocking/server.ts")));
    const other = codeOf(serveOf(textOf(path))).map((line) =>
      line.replaceAll("yield* ", "").replace("function*", "function")
        .replace("): Coroutine {", ") {")
    );
    assertEquals(other, blocking);
  });
}

for (const [i, folder] of FOLDERS.slice(1).entries()) {
  Deno.test(`at most 45 lines of code change from ${FOLDERS[i]} to ${folder}`, () => {
    const [before, after] = [FOLDERS[i], folder].map((folder) =>
      codeOf(belowImports(textOf(`${folder}/server.ts`)))
    );
    assertLess(changedLines(before, after), 46);
  });
}

Deno.test("serve of lesson 01 is that of 19-processes/child.ts, but for the crash", () => {
  const crash = /if \(length === crash\.length .*\n.*\n *\}\n/;
  const [blocking, child] = ["01-blocking/server.ts", "19-processes/child.ts"]
    .map((path) => codeOf(serveOf(textOf(path).replace(crash, ""))));
  assertEquals(child, blocking);
});

Deno.test("the selector of lesson 07 is changed in a few lines", () => {
  const [server, choose] = ["server", "choose"].map((name) =>
    codeOf(belowImports(textOf(`07-selectors/${name}.ts`)))
  );
  assertLess(changedLines(server, choose), 13);
});

Deno.test("changedLines() counts what diff counts", () => {
  assertEquals(changedLines(["a", "b", "c"], ["a", "b", "c"]), 0);
  assertEquals(changedLines(["a", "b", "c"], ["a", "x", "c"]), 2);
  assertEquals(changedLines(["a", "b"], ["b", "a", "b", "c"]), 2);
  assertEquals(changedLines([], ["a", "b"]), 2);
});

for (
  const subject of subjects.filter(({ name }) =>
    /^(0[1-8]|23) [\w-]+( edge.*| queued)?$/.test(name)
  )
) {
  const reason = unavailable(subject) ?? (whyNoStrace || undefined);
  Deno.test({
    name: `${subject.name}: the server closes its sockets when it ends` +
      (reason === undefined ? "" : ` (skipped: ${reason})`),
    ignore: reason !== undefined,
    fn: async () => assertEquals(await leftOpen(subject), []),
  });
}

/**
 * The descriptors that a server has not closed when it ends by itself, while a client is still
 * connected: as strace saw it.
 */
async function leftOpen(subject: Subject): Promise<number[]> {
  const { script, permissions, args = [], atOnce, threads } = subject;
  const log = Deno.makeTempFileSync();
  // The engine makes epoll instances for its threads, which may be open at the end.
  const calls = `trace=listen,accept4,close${threads ? "" : ",epoll_create1,signalfd4"}`;
  const command = denoRun(script, permissions, [...args, "--port", "0", "--connections", "1"]);
  await using server = new Child(["strace", "-f", "-o", log, "-e", calls, ...command]);
  try {
    const port = await server.listening();
    assert(port !== undefined, server.errors.join("\n"));
    const address = { host: "127.0.0.1", port };
    using stack = new DisposableStack();
    const leaving = stack.use(await connect(address));
    await greet(leaving, subject);
    // These two would not accept a second client.
    if (atOnce !== 1 && !threads) await greet(stack.use(await connect(address)), subject);
    leaving.close();
    assertEquals((await deadline(server.ended, 10_000)).code, 0);
    return openAtEnd(Deno.readTextFileSync(log));
  } finally {
    Deno.removeSync(log);
  }
}

/** The descriptors that were made from `listen` on, and not closed. */
function openAtEnd(log: string): number[] {
  const open = new Set<number>();
  for (const line of log.slice(log.search(/ listen\(/)).split("\n")) {
    // A call that another thread interrupts has two lines: close(5 <unfinished ...>, and its end.
    const [, call, first] = / (listen|close)\((\d+)/.exec(line) ?? [];
    const [, made] = / (?:accept4|epoll_create1|signalfd4)[( ].*\) += (\d+)/.exec(line) ?? [];
    if (call === "listen") open.add(Number(first));
    else if (call === "close") open.delete(Number(first));
    else if (made !== undefined) open.add(Number(made));
  }
  return [...open];
}
