/** What the README promises, as far as a test can run it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { getAvailablePort } from "@std/net";
import { type Script, serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { hasPython, outcomeOf, ROOT } from "./processes.ts";

const readme = Deno.readTextFileSync(`${ROOT}README.md`);
const config = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));

/** The commands in the README's blocks of the language `sh`. */
const blocks = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)]
  .map(([, block]) => block.trim().split("\n"));
const commands = blocks.flat();

Deno.test("the README begins with two commands, and all tasks in it exist", () => {
  assertEquals(blocks[0], ["npx -y deno task lesson:03", "npx -y deno task test"]);
  for (const command of commands) {
    const task = /deno task (\S+)/.exec(command)?.[1];
    if (task !== undefined) assert(task in config.tasks, `there is no task ${task}`);
  }
});

Deno.test("CI runs the README's test command", () => {
  assertStringIncludes(Deno.readTextFileSync(`${ROOT}.ci/run`), "\ndeno task test");
});

Deno.test("server and client can be started by hand as the README says", async () => {
  const lines = commands.filter((command) => command.startsWith("deno run "));
  assertEquals(lines.length, 2);
  // The same commands, but with a free port.
  const port = ["--port", String(getAvailablePort())];
  const [server, client] = lines.map((line) => line.split(" ").slice(1).concat(port));
  const options = { cwd: ROOT, stdin: "null", env: { NO_COLOR: "1" } } as const;
  const visiting = outcomeOf(new Deno.Command(Deno.execPath(), { ...options, args: client }));
  const args = [...server, "--connections", "10"];
  const served = await outcomeOf(new Deno.Command(Deno.execPath(), { ...options, args }));
  assertEquals(served, { code: 0, stdout: `listening on 127.0.0.1:${port[1]}\n`, stderr: "" });
  const { code, stdout } = await visiting;
  assertEquals(code, 0);
  assertStringIncludes(stdout, "10 clients, 10 correct replies");
});

Deno.test("the README names all scripts that need further permissions", () => {
  const [, section] = readme.split("## What `--allow-ffi` means");
  const named = [...section.matchAll(/lesson (\d\d)'s also needs\s+`(--allow-\w+)`/g)]
    .map(([, number, permission]) => `${number} ${permission}`);
  function further(script: Script, usual: string): string[] {
    return script.permissions.filter((permission) => permission !== usual);
  }
  const needed = serverLessons.map(({ number, server, client }) => [
    further(server, "--allow-ffi").map((permission) => `${number} ${permission}`),
    further(client, "--allow-net").map((permission) => `${number} ${permission}`),
  ]);
  assertEquals(named, [0, 1].flatMap((side) => needed.flatMap((lesson) => lesson[side])));
});

Deno.test("lessons 03 to 07 have the same serve, byte for byte, as the README says", () => {
  const folders = serverLessons.map(({ folder }) => folder).filter((name) => /^0[3-7]/.test(name));
  const functions = folders.map((folder) => {
    const source = Deno.readTextFileSync(`${ROOT}lessons/${folder}/server.ts`);
    return /^function serve\([^]*?^}$/m.exec(source)?.[0];
  });
  assertEquals(functions.length, 5);
  assertMatch(functions[0]!, /^function serve\(connection: Connection\): Want {/);
  assertEquals(new Set(functions).size, 1);
});

/** Five threads, written without any knowledge of this project. */
const PYTHON = `
import socket, sys, threading
def visit(n):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
        message = ("hello from thread %d, gr\\u00fc\\u00dfe" % n).encode()
        s.sendall(message)
        s.shutdown(socket.SHUT_WR)
        reply = b"".join(iter(lambda: s.recv(7), b""))
        assert reply == message.upper(), reply
        replies.append(reply)
replies = []
threads = [threading.Thread(target=visit, args=(n,)) for n in range(5)]
for t in threads: t.start()
for t in threads: t.join()
print(len(replies))
`;

for (const folder of ["01-blocking", "02-threads", "03-nonblocking", "04-select"]) {
  Deno.test({
    name: `a Python client gets correct replies from ${folder}${
      hasPython ? "" : " (skipped: no Python)"
    }`,
    ignore: !hasPython,
    fn: async () => {
      const port = String(getAvailablePort());
      const script = `lessons/${folder}/server.ts`;
      const server = new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-ffi", "--allow-read", script, "--port", port, "--connections", "5"],
        cwd: ROOT,
        stdin: "null",
        stdout: "piped",
      }).spawn();
      const reader = server.stdout.getReader();
      await reader.read(); // the line that says that it listens
      const { stdout, stderr } = await outcomeOf(
        new Deno.Command("python3", { args: ["-c", PYTHON, port] }),
      );
      assertEquals(stdout, "5\n", stderr);
      while (!(await reader.read()).done);
      assertEquals((await server.status).code, 0);
    },
  });
}
