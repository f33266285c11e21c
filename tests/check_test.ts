/** `deno task check`: what is wrong with a server, in words. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { retry } from "@std/async";
import { fileURLToPath, pathToFileURL } from "node:url";
import { getrlimit, RLIMIT_NOFILE } from "../shared/linux/descriptors.ts";
import type { Address } from "../shared/linux/socket.ts";
import {
  check,
  checkAddress,
  Failure,
  OutOfDescriptors,
  skipReason,
} from "../shared/tools/check/check.ts";
import { connect } from "../shared/tools/check/clients.ts";
import { faultBehind } from "../shared/tools/check/faults.ts";
import { scenarios } from "../shared/tools/check/scenarios.ts";
import { limits } from "../shared/tools/check/scenarios/limits.ts";
import type { Server, Subject } from "../shared/tools/check/server.ts";
import { serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { subjectOf, withEdit } from "./mutants/mutants.ts";
import { childrenOf, isRunning } from "../shared/tools/process/proc.ts";
import { deno, hasPython, outcomeOf, ROOT } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/check/main.ts"];

/** A server as a learner may write it: it ends with the first client that resets. */
const FRAGILE = `
const listener = Deno.listen({ port: Number(Deno.args[1]) });
async function serve(connection) {
  const buffer = new Uint8Array(1000);
  for (let length; (length = await connection.read(buffer)) !== null;) {
    for (let i = 0; i < length; i++) if (buffer[i] >= 97 && buffer[i] <= 122) buffer[i] -= 32;
    let sent = 0;
    while (sent < length) sent += await connection.write(buffer.subarray(sent, length));
  }
  connection.close();
}
for await (const connection of listener) serve(connection);
`;

/** A server in another language, which sends only the first 1,000 bytes of each reply. */
const PYTHON = `
import socket, threading
listener = socket.create_server(("127.0.0.1", 0), backlog=100)
print(listener.getsockname()[1], flush=True)
def serve(connection):
    sent = 0
    try:
        while data := connection.recv(4096):
            reply = bytes(b - 32 if 97 <= b <= 122 else b for b in data)[: max(0, 1000 - sent)]
            connection.sendall(reply)
            sent += len(reply)
    except OSError:
        pass
    connection.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`;

/** Hands over a script with this text, which is gone afterwards. */
async function withScript(text: string, use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("deno task check 4 finds the lesson's server correct in all scenarios", async () => {
  const { code, stdout, stderr } = await deno([...MAIN, "4"]);
  assertEquals([code, stderr], [0, ""], stdout);
  assertEquals(stdout.split("\n"), [
    "04 select",
    ...scenarios.map(({ name }) => `  ✓ ${name}`),
    `04 select: ${scenarios.length} correct`,
    "",
  ]);
});

Deno.test("deno task check 14/plain leaves out what needs several clients at a time", async () => {
  const { code, stdout, stderr } = await deno([...MAIN, "14/plain"]);
  assertEquals([code, stderr], [0, ""], stdout);
  const leftOut = scenarios.filter(({ concurrent }) => concurrent).map(({ name }) =>
    `  - ${name} (left out: it serves one client at a time)`
  );
  assertEquals(stdout.split("\n").filter((line) => line.startsWith("  - ")), leftOut);
  assertEquals(stdout.split("\n")[0], "14 greenlets plain");
});

Deno.test("deno task check SCRIPT gives one cause first, and what follows from it", async () => {
  await withScript(FRAGILE, async (script) => {
    const { code, stdout } = await deno([...MAIN, script]);
    assertEquals(code, 1, stdout);
    const [name, cause, seen, ...rest] = stdout.split("\n");
    assertEquals(name, script);
    const line = FRAGILE.split("\n").findIndex((text) => text.includes("await connection.read(")) +
      1;
    assertMatch(cause, /^ {2}An error that concerns one client ends the server: .*\.$/);
    assertStringIncludes(cause, `(${script}:${line}).`);
    assertMatch(seen, /^ {2}Seen by a client that .*: the server ended with exit code 1\.$/);
    const marks = rest.filter((line) => line.startsWith("  ✗ "));
    assertEquals(marks[0], "  ✗ survives the resets of idle clients");
    assertMatch(marks[1], /^ {2}✗ \d more fails?, for the same reason: /);
    assertStringIncludes(stdout, "  ✓ turns a to z into A to Z and leaves all other bytes alone\n");
    assertMatch(stdout, /\d+ correct, \d+ wrong, (\d+ left out, )?\d+ not tried\n$/);
    // Piped output has neither colours nor lines that are written over.
    for (const unwanted of ["\x1b", "\r"]) assertEquals(stdout.includes(unwanted), false);
  });
});

Deno.test("a server that reads once for an edge is given that cause, and soon", async () => {
  await withEdit(subjectOf("06 epoll edge-triggered"), [[
    "    want = connection.send(shout(buffer, length), length);\n  }",
    "    return connection.send(shout(buffer, length), length);\n  }",
  ]], async ({ script }) => {
    const { code, stdout } = await deno([...MAIN, fileURLToPath(script)]);
    assertEquals(code, 1);
    assertMatch(stdout.split("\n")[1], /^ {2}.*edge-triggered.* until EAGAIN/i);
    assertMatch(stdout, / wrong, (\d+ left out, )?\d+ not tried\n$/);
  });
});

Deno.test("a forgotten yield* is named, with its line, and what the server waits for", async () => {
  const forgotten = ["yield* sendAll(", "sendAll("] as const;
  await withEdit(subjectOf("13 event-loop"), [forgotten], async ({ script }) => {
    const { code, stdout, stderr } = await deno([...MAIN, fileURLToPath(script)]);
    assertEquals([code, stdout], [1, ""]);
    const text = await Deno.readTextFile(script);
    const line = text.split("\n").findIndex((text) => /^ +sendAll\(/.test(text)) + 1;
    const says = "sendAll returns a generator: without yield*, nothing of it runs";
    assertStringIncludes(stderr, `${says} (${fileURLToPath(script)}:${line}).\n`);
    assertMatch(
      stderr,
      /got no complete reply to its hello .*; then the server sleeps in epoll_wait\(/,
    );
  });
});

Deno.test("a polling server that uses less CPU time than the lesson's is not wrong", async () => {
  const server = subjectOf("03 nonblocking");
  await withEdit(server, [
    [
      "import { serverOptions",
      'import { sleep } from "../../shared/linux/time.ts";\nimport { serverOptions',
    ],
    ["drop(connection);\n  }\n}", "drop(connection);\n  }\n  sleep(1);\n}"],
  ], async (subject) => {
    for (const scenario of limits) {
      if (skipReason(subject, scenario) === undefined) await check(subject, scenario);
    }
  });
});

Deno.test("what a server's last words name is not contradicted by a guess", async () => {
  // Both exercises of lesson 01 in one: no error is caught, and a read has a time limit.
  await withEdit(subjectOf("01 blocking"), [
    ["addressOf, listenTcp, recv,", "addressOf, listenTcp, recv, setsockopt, SOL_SOCKET,"],
    [
      "  serve(accept(listener));",
      `  const connection = accept(listener);
  setsockopt(connection, SOL_SOCKET, 20, 0, 0, 50_000, 0);
  serve(connection);`,
    ],
    ["if (!isSystemError(error)) throw error;", "throw error;"],
  ], async (subject) => {
    const scenario = limits.find(({ start }) => start?.descriptors !== undefined)!;
    let end = Promise.resolve();
    const run = (server: Server) => end = scenario.run(server);
    const { saw, stderr, fault } = await assertRejects(
      () => check(subject, { ...scenario, run }),
      Failure,
    );
    await end.catch(() => {}); // its clients notice it as well, a little later
    assertEquals(saw, "the server ended with exit code 1");
    assertMatch(stderr[0], /^recv\(\d+\): EAGAIN/);
    assertMatch(
      fault,
      /^recv failed with EAGAIN, and that ended the server: .*make the call again$/,
    );
  });
});

const words: [stderr: string, fault: RegExp][] = [
  ["recv(5): ECONNRESET (Connection reset by peer)", /^recv failed with ECONNRESET.* concerns one/],
  ["accept4(3): EMFILE (Too many open files)", /^accept4 failed with EMFILE.* stop accepting/],
  ["epoll_wait(4): EINTR (Interrupted system call)", /^epoll_wait failed with EINTR.* again/],
  [
    "error: Uncaught (in promise) ReferenceError: fo is not defined",
    /^an error of the script .* fo /,
  ],
  ["Segmentation fault", /^a guess$/],
];
for (const [stderr, fault] of words) {
  Deno.test(`faultBehind() reads a server's last words: ${stderr}`, () => {
    const special = [[/the server ended/, "a guess"]] as const;
    assertMatch(faultBehind(special, "the server ended with exit code 1", [stderr]), fault);
  });
}

/** A scenario in which a client connects, and then something goes wrong. */
function failing(error: Error) {
  const clients: Deno.TcpConn[] = [];
  const scenario = {
    name: "a scenario that fails",
    seenBy: "a client",
    faults: [],
    async run(server: Address) {
      clients.push(await connect(server));
      throw error;
    },
  };
  return { scenario, clients };
}

Deno.test("the connections of a scenario that has failed are closed after it", async () => {
  const { scenario, clients } = failing(new Error("that will do"));
  const failure = await assertRejects(() => check(subjectOf("04 select"), scenario), Failure);
  assertEquals(failure.saw, "that will do");
  await assertRejects(() => clients[0].read(new Uint8Array(1)), Deno.errors.BadResource);
});

Deno.test("a server behind an address that has ended is given that cause", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const { scenario } = failing(new Error("Connection reset by peer"));
  const run = (server: Address) => scenario.run(server).finally(() => listener.close());
  const failed = checkAddress(address, { ...scenario, run });
  const { saw, fault } = await assertRejects(() => failed, Failure);
  assertEquals(saw, "the server no longer listens");
  assertMatch(fault, /^an error in a call for one client ended the server/);
});

Deno.test("a script that cannot start is given the place of its mistake", async () => {
  await withScript("const a = 1;\nconst b = ;\n", async (path) => {
    const { code, stderr } = await deno([...MAIN, path]);
    assertEquals(code, 1);
    assertMatch(stderr, /it ended before it listened: error: .*Error: .*, at file:.*:2:\d+\n$/);
  });
});

Deno.test("a server is not blamed for descriptors that the check itself lacks", async () => {
  const { scenario } = failing(Object.assign(new Error("Too many open files"), { code: "EMFILE" }));
  const { message } = await assertRejects(
    () => check(subjectOf("04 select"), scenario),
    OutOfDescriptors,
  );
  assertMatch(message, /^it needs more than \d+ descriptors in this process \(ulimit -n\)$/);
});

Deno.test("with 256 descriptors, what needs more is left out, and nothing is wrong", async () => {
  const { code, stdout, stderr } = await outcomeOf(
    new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 256; exec "$@"', "sh", Deno.execPath(), ...MAIN, "05"],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }),
  );
  assertEquals([code, stderr], [0, ""], stdout);
  const reason = "it needs 560 descriptors, and there may be 256 (ulimit -n)";
  assertEquals(
    stdout.split("\n").filter((line) => !line.startsWith("  ✓ ")),
    [
      "05 poll",
      `  - accepts hundreds of clients that connect at once (left out: ${reason})`,
      `05 poll: ${scenarios.length - 1} correct, 1 left out`,
      "",
    ],
  );
});

Deno.test({
  name: "with a soft limit of 256 descriptors, nothing is left out: Deno raises it by itself",
  ignore: getrlimit(RLIMIT_NOFILE).hard < 1024,
  fn: async () => {
    const modules = ["check", "scenarios"].map((name) =>
      new URL(`../shared/tools/check/${name}.ts`, import.meta.url)
    );
    const code = `
      const [{ skipReason }, { scenarios }] = await Promise.all(
        ${JSON.stringify(modules)}.map((module) => import(module)));
      console.log(scenarios.map((scenario) => skipReason({}, scenario)).join(""));`;
    const { stdout, stderr } = await outcomeOf(
      new Deno.Command("sh", {
        args: ["-c", 'ulimit -S -n 256; exec "$@"', "sh", Deno.execPath(), "eval", "-q", code],
        stdin: "null",
      }),
    );
    assertEquals([stdout, stderr], ["\n", ""]);
  },
});

Deno.test("each lesson with a server has a file of conformance tests", async () => {
  const files = await Array.fromAsync(Deno.readDir(`${ROOT}tests/conformance`));
  const tests = files.map(({ name }) => name).filter((name) => name.endsWith("_test.ts")).sort();
  assertEquals(tests, serverLessons.map(({ number }) => `${number}_test.ts`));
  for (const { number } of serverLessons) {
    const text = await Deno.readTextFile(`${ROOT}tests/conformance/${number}_test.ts`);
    assertStringIncludes(text, `\ntestServers("${number}");\n`);
  }
});

Deno.test({
  name: "deno task check --address checks a server in another language" +
    (hasPython ? "" : " (skipped: no Python)"),
  ignore: !hasPython,
  fn: async () => {
    const command = new Deno.Command("python3", { args: ["-c", PYTHON], stdout: "piped" });
    const server = command.spawn();
    try {
      const reader = server.stdout.getReader();
      const port = new TextDecoder().decode((await reader.read()).value).trim();
      reader.releaseLock();
      const { code, stdout } = await deno([...MAIN, "--address", `localhost:${port}`]);
      assertEquals(code, 1);
      assertStringIncludes(stdout, "  ✓ answers 20 clients at once\n");
      assertMatch(stdout, /^\S+\n {2}A part of the reply never comes: the bytes that send /);
      assertMatch(stdout, /still waiting after \d+ ms, with 1000 of 500000 bytes of the reply\.\n/);
      // What needs the process is named and left out, and nothing else is.
      const left = [...stdout.matchAll(/^ {2}- (.*) \(left out: (.*)\)$/gm)];
      for (const [, name, reason] of left) {
        assertEquals(reason, "it needs the server's process");
        assert(scenarios.find((scenario) => scenario.name === name)?.inspects, name);
      }
    } finally {
      server.kill();
      await server.stdout.cancel();
      await server.status;
    }
  },
});

const refusals: [args: string[], says: RegExp, code?: number][] = [
  [[], /takes the number of a lesson, or a script/],
  [["99"], /there is no lesson 99/],
  [["06/no-such"], /there is no lesson 06\/no-such/],
  [["12"], /lesson 12 has no server/],
  [["no/such.ts"], /there is no script no\/such\.ts/],
  [["shared"], /shared is not a script/],
  [["--nonsense"], /--nonsense/],
  [["03", "--address", "127.0.0.1:9"], /--address stands alone/],
  [["tests/crosscheck/with_gevent.py"], /with_gevent\.py is not a script for Deno: .*--address/],
  [["--address", "127.0.0.1"], /takes an address of this machine/],
  [["--address", "127.999.1.1:80"], /takes an address of this machine .* not "127\.999\.1\.1:80"/],
  [["--address", "127.0.0.01:80"], /takes an address of this machine/],
  [["--address", "127.0.0.1:0"], /takes an address of this machine/],
  // No other machine is ever visited.
  [["--address", "192.0.2.1:80"], /takes an address of this machine .* not "192\.0\.2\.1:80"/],
  [["--address", "example.com:80"], /takes an address of this machine/],
  [["--address", "0.0.0.0:80"], /takes an address of this machine/],
  [["--address", "127.0.0.1.example.com:80"], /takes an address of this machine/],
  [["--address", "127.0.0.1:1"], /127\.0\.0\.1:1 cannot be checked: Connection refused/, 1],
  [["shared/shout.ts"], /shared\/shout\.ts cannot be checked: it ended before it listened/, 1],
];
for (const [args, says, expected = 2] of refusals) {
  Deno.test(`deno task check ${args.join(" ")} is one line and ${expected}`, async () => {
    const { code, stdout, stderr } = await deno([...MAIN, ...args], { INIT_CWD: ROOT });
    assertEquals([code, stdout], [expected, ""]);
    assertMatch(stderr, /^[^\n]+\n$/);
    assertMatch(stderr, says);
  });
}

Deno.test("a server that never answers is given up, with a sentence that says so", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  const { code, stdout, stderr } = await deno([...MAIN, "--address", address]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^[^\n]+ the first one got no complete reply to its hello within 5000 ms\n$/);
});

/** A server that listens and is otherwise what `reply` makes of it. */
function serving(reply: string): string {
  return `
    const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[1]) });
    for await (const connection of listener) (async () => {
      const buffer = new Uint8Array(64 * 1024);
      ${reply}
      connection.close();
    })().catch(() => {});`;
}

const beginners = [
  {
    name: "a server that echoes",
    reply: `for (let length; (length = await connection.read(buffer)) !== null;) {
      await connection.write(buffer.subarray(0, length));
    }`,
    foundBy: "answers 20 clients at once",
    fault: /^the bytes come back as they were sent/,
  },
  {
    name: "a server that answers once",
    reply: `const length = await connection.read(buffer);
      for (let i = 0; i < length; i++) if (buffer[i] >= 97 && buffer[i] <= 122) buffer[i] -= 32;
      await connection.write(buffer.subarray(0, length));`,
    foundBy: "answers a message that arrives one byte at a time",
    fault: /^it answers once and closes/,
  },
];
for (const { name, reply, foundBy, fault } of beginners) {
  Deno.test(`${name} gets the explanation that beginners need`, async () => {
    await withScript(serving(reply), async (path) => {
      const script = pathToFileURL(path);
      const subject: Subject = { name: path, script, permissions: ["-A"], foreign: true };
      const scenario = scenarios.find((scenario) => scenario.name === foundBy)!;
      assertMatch((await assertRejects(() => check(subject, scenario), Failure)).fault, fault);
    });
  });
}

Deno.test("with --address, a client of one scenario is gone before the next begins", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const { scenario } = failing(new Error("that will do"));
  await assertRejects(() => checkAddress(address, scenario), Failure, "that will do");
  using connection = await listener.accept();
  assertEquals(await connection.read(new Uint8Array(1)), null);
});

Deno.test("a script is found from where the task was called", async () => {
  const options = { INIT_CWD: `${ROOT}lessons/04-select` };
  const { stderr } = await deno([...MAIN, "client.ts"], options);
  assertMatch(stderr, /^client\.ts cannot be checked: it did not listen on its --port/);
});

Deno.test("nothing is left running when somebody ends the check", async () => {
  const args = [...MAIN, "04"];
  const check = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "piped" }).spawn();
  const reader = check.stdout.getReader();
  // It prints its name before it starts the first server, whose process is its only child.
  await reader.read();
  const children = await retry(() => {
    const children = childrenOf(check.pid);
    assertEquals(children.length, 1);
    return children;
  }, { minTimeout: 5, multiplier: 1, maxAttempts: 200, jitter: 0 });
  check.kill("SIGINT");
  assertEquals((await check.status).code, 130);
  await retry(() => {
    for (const pid of children) assertEquals(isRunning(pid), false);
  }, { minTimeout: 10, maxAttempts: 10, jitter: 0 });
  await reader.cancel();
});

Deno.test("checking a server needs no package", async () => {
  const { stdout } = await deno(["info", "--json", "shared/tools/check/main.ts"]);
  const { modules }: { modules: { specifier: string }[] } = JSON.parse(stdout);
  assert(modules.length > 10);
  for (const { specifier } of modules) assertMatch(specifier, /^(file|node):/);
});
