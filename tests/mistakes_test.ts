/** A mistake in a script, as everybody makes when changing one, is shown with its place. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { deadline, retry } from "@std/async";
import { fileURLToPath, pathToFileURL } from "node:url";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { Server, type Subject } from "../shared/tools/check/server.ts";
import { startBehind, upstreamOption } from "../shared/tools/lesson/behind.ts";
import { LESSONS, serverLessons, servers } from "../shared/tools/lesson/catalogue.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";

/** An edited copy of a lesson's folder, and where the mistake is in it. */
interface Mistake extends Disposable {
  /** The script to run. */
  script: URL;
  /** `FILE:LINE:` of the mistake, as in a stack trace. */
  place: string;
}

/** Copies the folder of a script, and misspells a function that is called there. */
function misspell(script: URL, name: string, wrong: string): Mistake {
  const copy = Deno.makeTempDirSync({ prefix: "mistake-" });
  using stack = new DisposableStack();
  stack.defer(() => Deno.removeSync(copy, { recursive: true }));
  const folder = fileURLToPath(new URL(".", script));
  const shared = new URL("../shared/", import.meta.url).href;
  let place = "";
  for (const { name: file } of Deno.readDirSync(folder)) {
    if (!file.endsWith(".ts")) continue;
    const text = Deno.readTextFileSync(folder + file).replaceAll('"../../shared/', `"${shared}`);
    const edited = isPartOf(script, file) ? text.replace(`${name}(`, `${wrong}(`) : text;
    Deno.writeTextFileSync(`${copy}/${file}`, edited);
    if (edited === text) continue;
    const line = edited.split("\n").findIndex((line) => line.includes(`${wrong}(`)) + 1;
    place = `${pathToFileURL(`${copy}/${file}`)}:${line}:`;
  }
  const path = `${copy}/${script.pathname.split("/").at(-1)}`;
  const remaining = stack.move();
  return {
    script: pathToFileURL(path),
    place,
    [Symbol.dispose]: () => remaining.dispose(),
  };
}

/** Whether a file is the script itself, or what the threads do that it starts. */
function isPartOf(script: URL, file: string): boolean {
  return script.pathname.endsWith(`/${file}`) || file === "loop.ts" ||
    Deno.readTextFileSync(script).includes(`new URL("./${file}", import.meta.url)`);
}

/** Fails unless the mistake is reported, with the place at the top of the stack. */
function assertShown(errors: readonly string[], wrong: string, place: string): void {
  const stderr = errors.join("\n");
  assertMatch(stderr, new RegExp(`ReferenceError: ${wrong} is not defined`));
  const top = errors.find((line) => /^ +at /.test(line)) ?? "";
  assert(top.includes(place), `the top of the stack is not ${place}\n${stderr}`);
}

/** What the scripts call for each client, and how it is misspelled: in servers and in clients. */
const CALLS = {
  shout: [["shout", "shoot"], ["ask", "akse"]],
  chat: [["Member", "Memper"], ["runClients", "runClents"]],
  proxy: [["isOutOfResources", "isOutOfResurces"], ["ask", "akse"]],
} as const;

function callsOf({ protocol, behind }: Pick<Subject, "protocol" | "behind">) {
  return CALLS[protocol ?? (behind === undefined ? "shout" : "proxy")];
}

for (const server of servers) {
  const { name, lesson, script, args, permissions, behind } = server;
  if (args.length > 0) continue; // the same script once more
  const reason = unavailable(lesson.server);
  Deno.test({
    name: `${name}: the server shows where a mistake of its own is` +
      (reason === undefined ? "" : ` (skipped: ${reason})`),
    ignore: reason !== undefined,
    fn: async () => {
      const [[correct, wrong]] = callsOf(server);
      using mistake = misspell(script, correct, wrong);
      await using stack = new AsyncDisposableStack();
      const upstream = behind && await upstreamOption(stack.use(startBehind(behind)));
      const options = ["--port", "0", ...upstream || []];
      await using child = new Child(denoRun(mistake.script, permissions, options), {
        env: { NO_COLOR: "1" },
      });
      const port = await child.listening();
      assert(port !== undefined, child.errors.join("\n"));
      using client = await Deno.connect({ hostname: "127.0.0.1", port });
      await client.write(new TextEncoder().encode("hello"));
      await retry(() => assertShown(child.errors, wrong, mistake.place), {
        minTimeout: 20,
        multiplier: 1,
        maxAttempts: 100,
        jitter: 0,
      });
    },
  });
}

for (const { number, folder, server, client } of serverLessons) {
  const name = folder.replace("-", " ");
  const reason = unavailable(server);
  Deno.test({
    name: `${name}: the client shows where a mistake of its own is` +
      (reason === undefined ? "" : ` (skipped: ${reason})`),
    ignore: reason !== undefined,
    fn: async () => {
      const [, [correct, wrong]] = callsOf(server);
      using mistake = misspell(new URL(`${folder}/client.ts`, LESSONS), correct, wrong);
      await using host = await Server.start({
        ...server,
        name: number,
        script: new URL(`${folder}/server.ts`, LESSONS),
      });
      const command = denoRun(mistake.script, client.permissions, ["--port", String(host.port)]);
      await using child = new Child(command, { env: { NO_COLOR: "1" } });
      const { code } = await deadline(child.ended, 10_000);
      assertEquals(code, 1);
      assertShown(child.errors, wrong, mistake.place);
    },
  });
}
