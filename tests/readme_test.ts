/** What the README promises, as far as a test can run it. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { getAvailablePort } from "@std/net";
import { outcomeOf, ROOT } from "./processes.ts";

const readme = Deno.readTextFileSync(`${ROOT}README.md`);
const config = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));

/** The commands in the README's blocks of the language `sh`. */
const blocks = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)]
  .map(([, block]) => block.trim().split("\n"));
const commands = blocks.flat();

Deno.test("the two commands stand in the README, and their tasks exist", () => {
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
  // The same commands, but for a port that nobody else has.
  const port = ["--port", String(getAvailablePort())];
  const [server, client] = lines.map((line) => line.split(" ").slice(1).concat(port));
  const options = { cwd: ROOT, stdin: "null", env: { NO_COLOR: "1" } } as const;
  const visiting = outcomeOf(new Deno.Command(Deno.execPath(), { ...options, args: client }));
  const args = [...server, "--connections", "20"];
  const served = await outcomeOf(new Deno.Command(Deno.execPath(), { ...options, args }));
  assertEquals(served, { code: 0, stdout: `listening on 127.0.0.1:${port[1]}\n`, stderr: "" });
  const { code, stdout } = await visiting;
  assertEquals(code, 0);
  assertStringIncludes(stdout, "20 clients, 20 right replies");
});

/** Five threads, as somebody would write them who knows nothing of this project. */
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

const python = (() => {
  try {
    return new Deno.Command("python3", { args: ["--version"], stdout: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
})();

for (const folder of ["01-blocking", "02-threads", "03-nonblocking", "04-select"]) {
  Deno.test({
    name: `a Python client gets right replies from ${folder}${
      python ? "" : " (skipped: no Python)"
    }`,
    ignore: !python,
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
