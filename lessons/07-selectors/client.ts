/**
 * Lesson 07 · selectors: the client.
 *
 * Twenty clients at once or, with --interactive, a conversation: it prompts, sends each line, and
 * prints the reply as it arrives. The end of the input (Ctrl-D) ends it.
 *
 * Run:  deno run --allow-net lessons/07-selectors/client.ts
 * Try:  deno run --allow-net lessons/07-selectors/client.ts --interactive
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ask, clientOptions, runClients, sendAll, WrongReply } from "../../shared/client.ts";
import { linesOf } from "../../shared/lines.ts";
import { flag, number, text } from "../../shared/options.ts";
import { connectWhenReady } from "../../shared/ready.ts";

const options = clientOptions({
  interactive: flag("talk to the server yourself"),
  clients: number(20, "how many there are at once", 1, 9000),
  pause: number(1000, "how long each of them stays, in milliseconds"),
  message: text("hello", "what each of them says"),
});

await (options.interactive ? converse() : runClients(options.clients, visit));

async function visit(client: number): Promise<number> {
  using connection = await connectWhenReady(options);
  const message = new TextEncoder().encode(options.message);
  const [waited] = await Promise.all([ask(connection, message), sleep(options.pause)]);
  console.log(`client ${client}: said ${options.message}, reply after ${waited.toFixed(1)} ms`);
  return waited;
}

async function converse() {
  using connection = await connectWhenReady(options);
  const piece = new Uint8Array(4096);
  await print(">>: ");
  for await (const line of linesOf(Deno.stdin.readable)) {
    const message = new TextEncoder().encode(line);
    const sent = sendAll(connection, message); // a long line is answered while it is sent
    const decoder = new TextDecoder(); // keeps a character whose bytes have not all arrived
    for (let missing = message.length; missing > 0;) {
      const length = await connection.read(piece);
      if (length === null) throw new WrongReply("the server has closed the connection");
      await print(decoder.decode(piece.subarray(0, length), { stream: true }));
      missing -= length;
    }
    await sent;
    await print("\n>>: ");
  }
  await print("\n");
}

async function print(text: string) {
  const bytes = new TextEncoder().encode(text);
  for (let n = 0; n < bytes.length;) n += await Deno.stdout.write(bytes.subarray(n));
}
