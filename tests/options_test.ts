/** The command lines of the scripts: `shared/options.ts`, `server.ts` and `client.ts`. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { deno } from "./processes.ts";

const SERVER = ["run", "--allow-ffi", "lessons/01-blocking/server.ts"];
const CLIENT = ["run", "--allow-net", "lessons/03-nonblocking/client.ts"];

const wrong: [script: string[], args: string[], complaint: string][] = [
  [SERVER, ["--nonsense"], "--nonsense"],
  [SERVER, ["--port"], "--port"],
  [SERVER, ["--port", "x"], "--port takes a whole number from 0 to 65535"],
  [SERVER, ["--port", "65536"], "--port takes a whole number from 0 to 65535"],
  [SERVER, ["--port", "-1"], "--port"],
  [SERVER, ["--port", "1e3"], "--port takes a whole number"],
  [SERVER, ["--port="], "--port takes a whole number from 0 to 65535"],
  [SERVER, ["--connections", "1.5"], "--connections takes a whole number from 1"],
  [SERVER, ["--help=x"], "--help"],
  [SERVER, ["-x"], "-x"],
  [SERVER, ["--host", "256.1.1.1"], "--host takes a numeric IPv4 address"],
  [SERVER, ["--host", "01.2.3.4"], "--host takes a numeric IPv4 address"],
  [SERVER, ["--", "something"], "something"],
  [SERVER, ["--connections", "0"], "--connections takes a whole number from 1"],
  [SERVER, ["--host", "localhost"], "--host takes a numeric IPv4 address"],
  [SERVER, ["--host", "1.2.3.4."], "--host takes a numeric IPv4 address"],
  [SERVER, ["something"], "something"],
  [SERVER, ["--port", "x. y"], 'from 0 to 65535, not "x. y"'],
  [CLIENT, ["--port", "0"], "--port takes a whole number from 1 to 65535"],
  [CLIENT, ["--clients", "0"], "--clients takes a whole number from 1"],
  [CLIENT, ["--message="], "--message takes a text that is not empty"],
];

for (const [script, args, complaint] of wrong) {
  const name = script.at(-1)!.split("/").at(-1);
  Deno.test(`${name} ${args.join(" ")} is one line on stderr and exit code 2`, async () => {
    const { code, stdout, stderr } = await deno([...script, ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^[^\n]+ \(--help shows the options\)\n$/);
    assertStringIncludes(stderr, complaint);
  });
}

Deno.test("--help shows each option with what it is unless given, and exits with 0", async () => {
  const { code, stdout, stderr } = await deno([...CLIENT, "--help"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /--host ADDRESS +numeric IPv4 address \(127\.0\.0\.1\)/);
  assertMatch(stdout, /--clients N +how many there are at once \(20\)/);
  assertMatch(stdout, /--message TEXT +what each of them says \(hello\)/);
});

const impossible: [args: string[], answer: RegExp][] = [
  [["--host", "192.0.2.1"], /^192\.0\.2\.1 is not an address of this machine: .*--host\n$/],
];

for (const [args, answer] of impossible) {
  Deno.test(`server.ts ${args.join(" ")} says in one line what to do`, async () => {
    const { code, stderr } = await deno([...SERVER, ...args]);
    assertEquals(code, 1);
    assertMatch(stderr, answer);
  });
}

Deno.test("a server without its permission says in one line which one", async () => {
  const { code, stderr } = await deno(["run", "--no-prompt", "lessons/01-blocking/server.ts"]);
  assertEquals(code, 1);
  assertEquals(stderr, "calling libc needs a permission: run it again with --allow-ffi\n");
});

Deno.test("the server of lesson 02 says in one line that Workers need --allow-read", async () => {
  const script = "lessons/02-threads/server.ts";
  const { code, stderr } = await deno(["run", "--no-prompt", "--allow-ffi", script]);
  assertEquals(code, 1);
  assertEquals(stderr, "starting a Worker needs a permission: run it again with --allow-read\n");
});

Deno.test("a bare -- behind a task's name is no option", async () => {
  const { code } = await deno([...CLIENT, "--help", "--"]);
  assertEquals(code, 0);
});
