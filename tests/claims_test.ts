/**
 * Lesson 17: runs every experiment by itself, with the permissions that its header names. Asserts
 * the verdicts that rest on a count or on an order; where a verdict rests on a time, it asserts a
 * ratio with a wide margin.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Claim, claims } from "../lessons/17-claims/claims.ts";
import { verdictOf } from "../lessons/17-claims/verdict.ts";
import { IoUring } from "../shared/linux/io_uring/ring.ts";
import { Child } from "../shared/tools/process/child.ts";
import { readThreads } from "../shared/tools/process/proc.ts";
import { deno, ROOT } from "./processes.ts";

const FOLDER = "lessons/17-claims";

/** What an experiment printed, its wrapped lines joined again. */
async function run({ script, permissions }: Claim, env?: Record<string, string>) {
  const args = ["run", "--quiet", "--no-prompt", ...permissions, `${FOLDER}/${script}`];
  const { code, stdout, stderr } = await deno(args, env);
  assertEquals([code, stderr], [0, ""]);
  return stdout.replaceAll(/\n {12}/g, " ");
}

/** The numbers in the groups of a pattern. */
function numbersIn(output: string, pattern: RegExp): number[] {
  const match = pattern.exec(output);
  assert(match !== null, `there is no ${pattern} in:\n${output}`);
  return match.slice(1).map((text) => Number(text.replaceAll(",", "")));
}

/** What the output of each experiment has to have in it. */
const checks: Record<string, (output: string) => void> = {
  C1(output) {
    assertMatch(output, /second client connects, the first client closes, the second .* its reply/);
    assertVerdict(output, "true");
  },
  C2(output) {
    assertGreater(numbersIn(output, /(\d+) more threads for 6 clients/)[0], 5);
    assertMatch(output, /threads that wait in recv, before and after: 6 and 6/);
    assertVerdict(output, "true");
  },
  C3(output) {
    assertMatch(output, /no client waiting: EAGAIN the accepted socket has O_NONBLOCK: no/);
    assertVerdict(output, "false");
  },
  C4(output) {
    assertGreater(numbersIn(output, /([\d,]+) times EAGAIN/)[0], 10_000);
    assertVerdict(output, "false");
  },
  C5(output) {
    const [copy, without] = numbersIn(output, /60,000 B arrived: ([\d.]+) µs, .* copy ([\d.]+) µs/);
    assertGreater(copy, 1.5 * without);
    assertVerdict(output, "true: no call waits");
  },
  C6(output) {
    const [few] = numbersIn(output, / 9 sockets: 1 ready: +([\d.]+)/);
    const [many] = numbersIn(output, /900 sockets: 1 ready: +([\d.]+)/);
    assertGreater(many, 4 * few);
  },
  C7(output) {
    assertMatch(output, /poll finds 1; select, given 1600 bits, finds 1/);
    assertMatch(output, /1600 entries, .*: finds 1600 poll with 1601 entries: EINVAL/);
    assertVerdict(output, "it depends on whose select");
  },
  C8(output) {
    assertMatch(output, /a list of 3 .* overlaps: 0/);
    assertVerdict(output, "false");
  },
  C9(output) {
    const [threads, epoll] = numbersIn(output, /100 conn.* ([\d.]+) µs .* ([\d.]+) µs with epoll/);
    assertLess(epoll, threads);
  },
  C10(output) {
    assertMatch(output, / 1 ready: 2\.00 calls .* 10 ready: 1\.10 calls .*100 ready: 1\.01 calls/);
    assertVerdict(output, "true");
  },
  C11(output) {
    const [uring] = numbersIn(output, /io_uring +([\d.]+) ms/);
    assertGreater(uring, 1.2 * numbersIn(output, /without the copy +([\d.]+) ms/)[0]);
  },
  C12(output) {
    assertMatch(
      output,
      /epoll instance \d+ watches the socket of Deno\.listen, \d+, for .*EPOLLET/,
    );
    assertVerdict(output, "false");
  },
  C13(output) {
    assertLess(numbersIn(output, /all served after (\d+) ms/)[0], 10 * 100 / 2);
    assertGreater(numbersIn(output, /both served after (\d+) ms/)[0], 390);
    assertVerdict(output, "true: their waits overlap; it is not parallel");
  },
  C14(output) {
    assertMatch(output, /reported 100 sockets; shared mappings that this added: 0/);
    if (!withoutIoUring) assertMatch(output, /io_uring: 2 shared mappings/);
    assertVerdict(output, "false");
  },
  C15(output) {
    assertMatch(output, /worker-\S+ +\d+ KiB of addresses/);
    assertVerdict(output, "false");
  },
  C16(output) {
    assertMatch(output, /after an arrival: 10 times .* nothing had arrived: 0 times/);
    assertVerdict(output, "false");
  },
  C17(output) {
    assertMatch(output, /closed: \d+; and (\d+), (\d+), (\d+), .* reports \1, \2, \3; .* EBADF/);
    const [, second, third] = numbersIn(output, /closed: \d+; and (\d+), (\d+), (\d+),/);
    assertStringIncludes(output, `is closed: epoll reports ${second}, ${third} a duplicate`);
    assertStringIncludes(
      output,
      `becomes ${second}, which can be removed: epoll reports ${third} `,
    );
    assertMatch(output, /a new one is made: it reports none/);
    assertVerdict(output, "false: not while there is a duplicate");
  },
  C18(output) {
    assertMatch(output, /SIGIO: 1 signal .* real-time signal: 10 signals/);
    assertVerdict(output, "false");
  },
  C19(output) {
    assertMatch(output, /a file: 0 times EAGAIN; of a socket: 20 times .* the file: EPERM/);
    assertVerdict(output, "false");
  },
  C20(output) {
    assertMatch(output, /JavaScript: the queued task, the code after await .* a timer got no turn/);
    if (!withoutPython) assertMatch(output, /Python: the code after await, the queued task/);
    assertVerdict(output, withoutPython ? "true" : "it depends on the language");
  },
  C21(output) {
    const [epoll, uring] = numbersIn(output, /100 ready: epoll ([\d.]+) .* io_uring ([\d.]+) µs/);
    assertLess(uring, 1.5 * epoll);
    assertGreater(uring, epoll / 5);
  },
  C22(output) {
    const row = "ready: select +([\\d.]+) µs, epoll +([\\d.]+) µs";
    const [select, epoll] = numbersIn(output, new RegExp(` 1 of 900 ${row}`));
    assertGreater(select, 5 * epoll);
    const [all, each] = numbersIn(output, new RegExp(`900 of 900 ${row}`));
    assertLess(all, 3 * each);
  },
  C25(output) {
    const times = "by numbers of threads: 1 in (\\d+) ms, \\d+ in \\d+ ms, \\d+ in (\\d+) ms";
    const [one, most] = numbersIn(output, new RegExp(`computations, ${times}`));
    const [cores] = numbersIn(output, /cores of this machine: (\d+)/);
    assertLess(one / most, 1.5 * cores);
    const [alone, together] = numbersIn(output, new RegExp(`waits of 2 ms, ${times}`));
    assertGreater(alone, 2 * together);
  },
  C23(output) {
    const [few] = numbersIn(output, / 10 clients: the busiest gets (\d+) of them/);
    const [many] = numbersIn(output, / 1000 clients: the busiest gets (\d+) of them/);
    assert(few >= 4 && many >= 250 && many < 400, output);
    assertVerdict(output, "it depends on their number");
  },
  C24(output) {
    const [accept, woken] = numbersIn(output, /in accept4: ([\d.]+) .* level-triggered: ([\d.]+)/);
    const [exclusive] = numbersIn(output, /with EPOLLEXCLUSIVE: ([\d.]+)/);
    assertGreater(woken, 2 * accept);
    assertGreater(woken, 2 * exclusive);
    assertVerdict(output, "it depends on EPOLLEXCLUSIVE");
  },
  C27(output) {
    assertMatch(output, /read and send: the receiver gets the old bytes/);
    assertMatch(output, /sendfile: the receiver gets the new bytes/);
    assertVerdict(output, "true");
  },
  C28(output) {
    const [calls, copied] = numbersIn(output, /(\d+) calls with .* reported, (\d+) of them/);
    assertEquals([calls, copied], [1000, 1000]);
    assertVerdict(output, "it depends on where they go");
  },
  C29(output) {
    assertMatch(output, /send: 1 completion each, the receiver gets the old bytes/);
    assertMatch(output, /2 completions each, 50 of 50 report a copy, .* the old bytes/);
    assertVerdict(output, "it depends on where it goes");
  },
  C30(output) {
    // splice has to gain with the size: a large message is where the copy costs most.
    const row = " B: recv and send ([\\d.]+) µs, splice ([\\d.]+) µs";
    const [copySmall, small] = numbersIn(output, new RegExp(` 64${row}`));
    const [copyLarge, large] = numbersIn(output, new RegExp(`65,536${row}`));
    assertLess(large / copyLarge, 1.3 * small / copySmall);
  },
  C26(output) {
    const row = (what: string) =>
      numbersIn(
        output,
        new RegExp(`${what}.*?: (\\d+) MiB resident, (\\d+) MiB as PSS, (\\d+) MiB`),
      );
    for (const [resident, shared, own] of [row("8 threads"), row("8 processes")]) {
      assertGreater(resident, shared);
      assertGreater(shared + 1, own);
    }
    assertGreater(row("8 processes")[0], row("8 threads")[0]); // whatever they share
    assertMatch(output, / (true|false): [\d.]+ times as much/);
  },
};

function assertVerdict(output: string, expected: string) {
  assert(verdictOf(output)?.startsWith(expected), `not ${expected}:\n${output}`);
}

/** Why there is no io_uring here, or an empty text. */
const withoutIoUring = reasonOf(() => new IoUring()[Symbol.dispose]());
const withoutPython = reasonOf(() => new Deno.Command("python3", { args: ["-V"] }).outputSync());

function reasonOf(attempt: () => unknown): string {
  try {
    attempt();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

for (const claim of claims) {
  const { id, source } = claim;
  const missing = ["C11", "C21", "C29"].includes(id) ? withoutIoUring : "";
  Deno.test({
    name: `17 claims: ${id}, ${claim.claim}${missing && ` (skipped: ${missing})`}`,
    ignore: missing !== "",
    fn: async () => {
      const output = await run(claim);
      assertStringIncludes(output, `${id} · ${claim.claim}\n`);
      assertMatch(verdictOf(output)!, /^(true: |false: |it depends on )/);
      assertStringIncludes(output, `\n  source    ${source}\n`);
      checks[id](output);
    },
  });
}

Deno.test("17 claims: every experiment is a script that can be read and run by itself", () => {
  const scripts = [...Deno.readDirSync(ROOT + FOLDER)].map(({ name }) => name)
    .filter((name) => /^c\d/.test(name)).sort();
  assertEquals(claims.map(({ script }) => script), scripts);
  for (const { id, script, permissions } of claims) {
    const source = Deno.readTextFileSync(`${ROOT}${FOLDER}/${script}`);
    assertLess(source.trimEnd().split("\n").length, 80, script);
    assertStringIncludes(source, `/**\n * Lesson 17 · What people say: ${id}, about `);
    const command = ["deno run", ...permissions, `${FOLDER}/${script}`].join(" ");
    assertStringIncludes(source, ` * Run:  ${command}\n`);
    assertStringIncludes(source, `conclude(\n  "${id}",`);
  }
});

Deno.test("17 claims: without Python, the experiments say so and judge by the rest", async () => {
  const [denos, await_] = ["C12", "C20"].map((id) => claims.find((claim) => claim.id === id)!);
  for (const [claim, verdict] of [[denos, "false"], [await_, "true"]] as const) {
    const output = await run(claim, { PATH: "/nonexistent" });
    assertStringIncludes(output, "not measured, there is no python3");
    assertVerdict(output, verdict);
  }
});

Deno.test("17 claims: the README lists each claim with verdict, script and source", () => {
  const readme = Deno.readTextFileSync(`${ROOT}${FOLDER}/README.md`);
  const rows = [...readme.matchAll(/^\| (C\d+) +\| (.+?) +\| \[(.+?)\]\((.+?)\) +\| (.+?) +\|$/gm)]
    .map(([, id, claim, verdict, script, source]) => ({ id, claim, verdict, script, source }));
  // The verdicts of the recorded run with --all.
  const all = readme.slice(readme.indexOf("$ deno task lesson:17 --all"));
  const printed = new Map(
    [...all.matchAll(/^main │ (C\d+) .*\nmain │ +(true|false|it depends)/gm)]
      .map(([, id, verdict]) => [id, verdict]),
  );
  assertEquals(
    rows.map((row) => ({ ...row, source: row.source.replaceAll("\\", "") })),
    claims.map(({ id, claim, script, source }) => ({
      id,
      claim,
      verdict: printed.get(id),
      script,
      source,
    })),
  );
});

/** Begins a thread, waits for its end, and begins the next, while its input is open. */
const THREADS = `
import threading, sys, os
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True:
    threads = [threading.Thread(target=lambda: None) for _ in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
`;

Deno.test({
  name: `17 claims: readThreads() leaves out threads that end meanwhile${
    withoutPython && ` (skipped: ${withoutPython})`
  }`,
  ignore: withoutPython !== "",
  fn: async () => {
    const args = ["-c", THREADS];
    const process = new Deno.Command("python3", { args, stdin: "piped" }).spawn();
    let seen = 0;
    for (const end = performance.now() + 1000; performance.now() < end;) {
      for (const [syscall, time] of readThreads(process.pid, "syscall", "schedstat").values()) {
        assertMatch(syscall, /^(running|-1|\d+) ?/);
        assertMatch(time, /^\d+ /);
        seen++;
      }
    }
    assertGreater(seen, 100);
    await process.stdin.close();
    await process.status;
  },
});

const MAIN = ["run", "-A", "shared/tools/lesson/main.ts", "17"];

Deno.test("17 claims: the lesson lists the claims, and tries one with its cost", async () => {
  const { code, stdout } = await deno(MAIN);
  assertEquals(code, 0);
  for (const { id, claim } of claims) {
    assertStringIncludes(stdout, `main │ ${id.padEnd(3)}  ${claim}\n`);
  }
  const one = await deno([...MAIN, "c16"]);
  assertEquals(one.code, 0);
  assertMatch(one.stdout, /^main │ C16 · edge.*\nmain │ {3}measured {2}10 bytes/);
  assertMatch(one.stdout, /\nmain │ {3}verdict {3}false: [^]*\nWhat it cost\n/);
});

Deno.test("17 claims: several have a verdict each, and --all begins with the first", async () => {
  const { code, stdout } = await deno([...MAIN, "c16", "C3"]);
  assertEquals(code, 0);
  const rows = [...stdout.matchAll(/^main │ (C\d+) +(.+)\nmain │ {7}(.+)$/gm)];
  assertEquals(rows.map(([, id, , verdict]) => `${id}: ${verdict.trim().slice(0, 5)}`), [
    "C16: false",
    "C3: false",
  ]);
  // The rest would take half a minute, and each experiment has a test of its own.
  const begun: string[] = [];
  const second = Promise.withResolvers<void>();
  await using _all = new Child([Deno.execPath(), "run", "-A", `${FOLDER}/main.ts`, "--all"], {
    cwd: ROOT,
    onLine: (line) => {
      if (begun.push(line) === 3) second.resolve();
    },
  });
  await second.promise;
  const [first, verdict, next] = begun;
  assertEquals(first, `C1   ${claims[0].claim}`);
  assertMatch(verdict, /^ {7}true/);
  assertEquals(next, `C2   ${claims[1].claim}`);
});

Deno.test("17 claims: an unknown claim is one line and exit code 2", async () => {
  const { code, stdout } = await deno([...MAIN, "C99"]);
  assertEquals(code, 2);
  assertEquals(stdout, `main │ there is no claim "C99" (--help shows the options)\n`);
});
