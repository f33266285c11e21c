/** `deno task check`: what is wrong with a server, in words. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { assertStringIncludes } from "@std/assert";
import { retry } from "@std/async";
import type { Address } from "../shared/linux/socket.ts";
import { connect } from "../shared/tools/check/clients.ts";
import { check, checkAddress, Failure, scenarios } from "../shared/tools/check/scenarios.ts";
import type { Subject } from "../shared/tools/check/server.ts";
import { deno, ROOT } from "./processes.ts";

const MAIN = ["run", "-A", "shared/tools/check/main.ts"];

/** A server as a learner may write it: it ends with the first client who is rude. */
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

Deno.test("a lesson's server is right in all scenarios, also those of its options", async () => {
  const { code, stdout, stderr } = await deno([...MAIN, "04"]);
  assertEquals([code, stderr], [0, ""], stdout);
  const lines = scenarios.map(({ name }) => `  ✓ ${name}\n`).join("");
  assertEquals(stdout, `04 select\n${lines}04 select: ${scenarios.length} right\n`);
});

Deno.test("any script can be checked, and its fault is explained in one sentence", async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, `// @ts-nocheck\n${FRAGILE}`);
  const { code, stdout } = await deno([...MAIN, script]);
  assertEquals(code, 1, stdout);
  assertStringIncludes(stdout, "  ✓ turns a to z into A to Z and leaves all other bytes alone\n");
  assertMatch(
    stdout,
    new RegExp(
      "\\n {2}✗ is not concerned by a reset of an idle client\\n" +
        " {6}a client who came after others .*: the server ended, exit code 1\\n" +
        "( {6}stderr: .*\\n)+" +
        " {6}Usually: an error that concerns one client ends the server: .*\\.\\n",
    ),
  );
  assertStringIncludes(stdout, "  - ends after as many clients as --connections says (left out: ");
  // Piped output has neither colours nor lines that are written over.
  for (const unwanted of ["\x1b", "\r"]) assertEquals(stdout.includes(unwanted), false);
  await Deno.remove(script);
});

const python = (() => {
  try {
    return new Deno.Command("python3", { args: ["--version"], stdout: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
})();

Deno.test({
  name: "a running server in another language can be checked by its address" +
    (python ? "" : " (skipped: no Python)"),
  ignore: !python,
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
      assertMatch(
        stdout,
        / {2}✗ answers 1 MiB\n.*after 1000 of 1048576 bytes\n {6}Usually: send took fewer bytes/,
      );
      // What needs the process is named and left out, and nothing else is.
      for (const { name, inspects } of scenarios) {
        const left = stdout.includes(`  - ${name} (left out: it needs the server's process)\n`);
        assertEquals(left, inspects === true, name);
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
  [["no/such.ts"], /there is no script no\/such\.ts/],
  [["shared"], /shared is not a script/],
  [["--nonsense"], /--nonsense/],
  [["03", "--address", "127.0.0.1:9"], /--address stands alone/],
  [["--address", "127.0.0.1"], /takes an address of this machine/],
  // Nobody but this machine is ever visited.
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

Deno.test("a server that answers nobody is given up, with a sentence that says so", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  const { code, stdout, stderr } = await deno([...MAIN, "--address", address]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^[^\n]+ the first who said hello got no reply within 5000 ms\n$/);
});

Deno.test("the two faults that are made first are told as what they are", async () => {
  const serve = (reply: string) => `
    const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[1]) });
    for await (const connection of listener) (async () => {
      const buffer = new Uint8Array(64 * 1024);
      ${reply}
      connection.close();
    })().catch(() => {});`;
  const echoes = `for (let length; (length = await connection.read(buffer)) !== null;) {
    await connection.write(buffer.subarray(0, length));
  }`;
  const answersOnce = `const length = await connection.read(buffer);
    for (let i = 0; i < length; i++) if (buffer[i] >= 97 && buffer[i] <= 122) buffer[i] -= 32;
    await connection.write(buffer.subarray(0, length));`;
  for (
    const [script, name, says] of [
      [serve(echoes), "answers 20 clients at once", /as they were sent/],
      [serve(answersOnce), "answers a message that comes one byte at a time", /once and closes/],
    ] as const
  ) {
    const path = await Deno.makeTempFile({ suffix: ".js" });
    await Deno.writeTextFile(path, script);
    const url = new URL(path, "file:");
    const subject: Subject = { name: path, script: url, permissions: ["-A"], foreign: true };
    const scenario = scenarios.find((scenario) => scenario.name === name)!;
    const error = await assertRejects(() => check(subject, scenario), Failure);
    assertMatch(error.fault, says);
    await Deno.remove(path);
  }
});

Deno.test("with --address, a client of one scenario is gone before the next begins", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const scenario = {
    name: "a scenario that is given up",
    who: "a client",
    faults: [],
    async run(server: Address) {
      await connect(server);
      throw new Error("that will do");
    },
  };
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
  // It says its name before it starts the first server, whose process is its only child.
  await reader.read();
  const children = await retry(() => {
    const children = childrenOf(check.pid);
    assertEquals(children.length, 1);
    return children;
  }, { minTimeout: 5, multiplier: 1, maxAttempts: 200, jitter: 0 });
  check.kill("SIGINT");
  assertEquals((await check.status).code, 130);
  await retry(() => {
    for (const pid of children) assertEquals(commandOf(pid), "");
  }, { minTimeout: 10, maxAttempts: 10, jitter: 0 });
  await reader.cancel();
});

/** Empty if it has ended, also if nobody has asked yet how. */
function commandOf(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return "";
  }
}

function childrenOf(pid: number): string[] {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean);
}

Deno.test("checking a server needs no package", async () => {
  const { stdout } = await deno(["info", "--json", "shared/tools/check/main.ts"]);
  const { modules }: { modules: { specifier: string }[] } = JSON.parse(stdout);
  assert(modules.length > 10);
  for (const { specifier } of modules) assertMatch(specifier, /^(file|node):/);
});
