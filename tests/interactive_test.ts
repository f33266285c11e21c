/** The conversation of lesson 07's client, piped and at a terminal. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { LESSONS, serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { bytesOf } from "../shared/tools/check/clients.ts";
import { Server } from "../shared/tools/check/server.ts";
import { ROOT, terminal } from "./processes.ts";

const { folder, server: serverTraits } = serverLessons.find(({ number }) => number === "07")!;

function startServer(): Promise<Server> {
  const script = new URL(`${folder}/server.ts`, LESSONS);
  return Server.start({ name: folder, script, ...serverTraits });
}

function clientArgs({ port }: Server): string[] {
  const script = `lessons/${folder}/client.ts`;
  return ["run", "--allow-net", script, "--interactive", "--port", String(port)];
}

/** Types into a process, piece by piece, and returns its exit code and what it has printed. */
async function converse(command: Deno.Command, pieces: Uint8Array<ArrayBuffer>[], end = true) {
  const process = command.spawn();
  const { prompt, output } = read(process.stdout);
  const keyboard = process.stdin.getWriter();
  await prompt;
  for (const piece of pieces) {
    await keyboard.write(piece);
    await delay(50);
  }
  if (end) await keyboard.close();
  const { code } = await process.status;
  if (!end) await keyboard.abort().catch(() => {});
  return { code, output: await output };
}

/** Reads an output to its end; `prompt` settles when the prompt has been printed, or at the end. */
function read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, expected = ">>: ") {
  const prompt = Promise.withResolvers<void>();
  async function readAll() {
    let text = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.includes(expected)) prompt.resolve();
    }
    prompt.resolve();
    return text;
  }
  return { prompt: prompt.promise, output: readAll() };
}

function piped(server: Server): Deno.Command {
  const options = { args: clientArgs(server), cwd: ROOT } as const;
  return new Deno.Command(Deno.execPath(), { ...options, stdin: "piped", stdout: "piped" });
}

Deno.test("07 selectors: --interactive answers each line until the input ends", async () => {
  await using server = await startServer();
  const { code, output } = await converse(piped(server), [
    bytesOf("hello\n"),
    bytesOf("wor"),
    bytesOf("ld\n"),
  ]);
  assertEquals(code, 0);
  assertEquals(output, ">>: HELLO\n>>: WORLD\n>>: \n");
});

Deno.test("07 selectors: --interactive takes empty lines and cut characters", async () => {
  await using server = await startServer();
  const character = bytesOf("ü好\n");
  const pieces = [bytesOf("\n"), character.subarray(0, 1), character.subarray(1, 4)];
  pieces.push(character.subarray(4), bytesOf("no end"));
  const { code, output } = await converse(piped(server), pieces);
  assertEquals(code, 0);
  assertEquals(output, ">>: \n>>: ü好\n>>: NO END\n>>: \n");
});

Deno.test("07 selectors: --interactive prints a megabyte, cut within characters", async () => {
  await using server = await startServer();
  const line = "aü好".repeat(175_000);
  const { code, output } = await converse(piped(server), [bytesOf(`${line}\n`)]);
  assertEquals(code, 0);
  assert(output === `>>: ${line.replaceAll("a", "A")}\n>>: \n`, "the reply is wrong");
});

Deno.test("07 selectors: --interactive ends with exit code 1 if the server ends", async () => {
  const server = await startServer();
  const command = new Deno.Command(Deno.execPath(), {
    args: clientArgs(server),
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const process = command.spawn();
  const errors = new Response(process.stderr).text();
  const { prompt, output } = read(process.stdout, "HELLO\n>>: ");
  const keyboard = process.stdin.getWriter();
  await keyboard.write(bytesOf("hello\n"));
  await prompt; // the server has accepted the client, so it will not reset the connection
  await server.stop("SIGTERM");
  await server[Symbol.asyncDispose]();
  await keyboard.write(bytesOf("hello\n"));
  assertEquals((await process.status).code, 1);
  await keyboard.close().catch(() => {});
  await output;
  assertEquals((await errors).trim(), "the server has closed the connection");
});

for (
  const { keys, name, code } of [
    { keys: "\x04", name: "Ctrl-D ends the conversation", code: 0 },
    { keys: "\x03", name: "Ctrl-C ends it at once", code: 130 },
  ]
) {
  Deno.test({
    name: `07 selectors: --interactive at a terminal: ${name}${
      terminal ? "" : " (skipped: there is no script(1))"
    }`,
    ignore: terminal === undefined,
    fn: async () => {
      await using server = await startServer();
      // What a person would see and type; `script` hands it over through a pseudo-terminal.
      const command = new Deno.Command(terminal!, {
        args: ["-qec", [Deno.execPath(), ...clientArgs(server)].join(" "), "/dev/null"],
        cwd: ROOT,
        stdin: "piped",
        stdout: "piped",
      });
      const result = await converse(command, [bytesOf("grüße\n"), bytesOf(keys)], false);
      assertEquals(result.code, code);
      assertStringIncludes(result.output, ">>: ");
      assertStringIncludes(result.output, "GRüßE\r\n>>: ");
    },
  });
}
