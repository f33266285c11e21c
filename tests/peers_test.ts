/** `lessons/16-comparison/peers/`: the servers to compare with serve as the lessons' do. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { choose, type Contender } from "../lessons/16-comparison/contenders.ts";
import { connect, say } from "../shared/tools/check/clients.ts";
import { checkAddress } from "../shared/tools/check/check.ts";
import { scenarios } from "../shared/tools/check/scenarios.ts";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { Child } from "../shared/tools/process/child.ts";
import { cpuOf } from "../shared/tools/process/proc.ts";
import { outcomeOf, whyNoStrace } from "./processes.ts";

const directory = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
const { contenders, missing } = choose(
  "c epoll,c loops,c io_uring,node net,deno.listen",
  directory,
);

async function start({ command }: Contender, descriptors?: number) {
  const server = new Child(command, { descriptors });
  const port = await server.listening();
  if (port === undefined) throw new Error(`it does not listen: ${server.errors}`);
  return { server, address: { host: "127.0.0.1", port } };
}

function test(contender: Contender, name: string, fn: () => Promise<void>) {
  const reason = unavailable(contender.needsIoUring ? { needsIoUring: true } : {});
  const skipped = reason === undefined ? "" : ` (skipped: ${reason})`;
  Deno.test({
    name: `16 comparison: ${contender.name} ${name}${skipped}`,
    ignore: reason !== undefined,
    fn,
  });
}

for (const { name, needs } of missing) {
  Deno.test({
    name: `16 comparison: ${name} serves as the lessons do (skipped: it needs ${needs})`,
    ignore: true,
    fn() {},
  });
}

for (const contender of contenders) {
  test(contender, "does all that a client can see of a server", async () => {
    const { server, address } = await start(contender);
    await using _ = server;
    for (const scenario of scenarios) {
      if (!scenario.inspects && !scenario.ofLessons) await checkAddress(address, scenario);
    }
  });

  // What people write with Node and Deno leaves that to the library, whatever it does.
  if (!contender.name.startsWith("C ")) continue;
  test(contender, "pauses when it runs out of descriptors, and goes on", async () => {
    const { server, address } = await start(contender, 32);
    await using _ = server;
    const connections = await Promise.all(Array.from({ length: 60 }, () => connect(address)));
    const last = connections.pop()!;
    // Some are served, which of them is up to the server.
    await Promise.any(connections.map((connection) => say(connection)));
    await delay(200);
    const before = cpuOf(server.pid);
    await delay(500);
    assertLess((cpuOf(server.pid) - before) / 500, 0.2);
    // Those that it could not accept are served as soon as others have gone.
    for (const connection of connections) connection.close();
    await say(last);
    last.close();
  });
}

const uring = contenders.find(({ needsIoUring }) => needsIoUring);
const whyNot = uring === undefined ? "it cannot be compiled" : whyNoStrace;

Deno.test({
  name: "16 comparison: C io_uring says so in one line where io_uring is forbidden" +
    (whyNot && ` (skipped: ${whyNot})`),
  ignore: whyNot !== "",
  async fn() {
    const inject = "inject=io_uring_setup:error=EPERM";
    const args = ["-f", "-o", "/dev/null", "-e", "trace=io_uring_setup", "-e", inject];
    const { code, stdout, stderr } = await outcomeOf(
      new Deno.Command("strace", { args: [...args, ...uring!.command], stdin: "null" }),
    );
    assertEquals([code, stdout], [1, ""]);
    // compare.ts leaves a contender out, and gives the reason, if its reason names io_uring.
    assertMatch(stderr, /^io_uring is not available: [^\n]+\n$/);
  },
});

Deno.test("16 comparison: all peers in JavaScript use the shout of the lessons", () => {
  const deno = contenders.find(({ name }) => name === "Deno.listen")!.command.at(-1)!;
  assertMatch(
    Deno.readTextFileSync(deno),
    /\n *import \{ shout \} from "[./]+\/shared\/shout\.ts";[^]*\bshout\(buffer, length\);/,
  );
  const node = contenders.find(({ name }) => name === "Node net");
  const [module] = node?.command.filter((word) => word.startsWith("data:")) ?? [];
  if (module === undefined) return; // there is no Node here
  const source = decodeURIComponent(module);
  const lesson = Deno.readTextFileSync(new URL("../shared/shout.ts", import.meta.url));
  // Types become spaces, so the loop is the same text.
  const loop = /for \(let i = \(byteOffset[^]*?\n {2}\}/.exec(lesson)![0];
  assertEquals(source.includes(loop), true);
});
