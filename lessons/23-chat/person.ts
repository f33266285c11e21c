/**
 * A person in the chat room, at a terminal or with piped input.
 *
 * @module
 */

import process from "node:process";
import { clearScreenDown, createInterface, cursorTo, moveCursor } from "node:readline";
import { sendAll, WrongReply } from "../../shared/client.ts";
import { linesOf } from "../../shared/lines.ts";
import type { Address } from "../../shared/linux/socket.ts";
import { connectWhenReady } from "../../shared/ready.ts";

/**
 * Sends each line that is typed, and prints what arrives meanwhile above the line that is being
 * typed, until the end of the input (Ctrl-D).
 *
 * @throws {WrongReply} if the room ends it.
 */
export async function talk(address: Address): Promise<void> {
  using connection = await connectWhenReady(address);
  const { stdin: input, stdout: output } = process;
  const terminal = Deno.stdin.isTerminal();
  const keyboard = createInterface({ input, output, terminal, prompt: terminal ? "> " : "" });
  let [wantsToGo, isOver] = [false, false];
  let sending = Promise.resolve();

  /** Everything that is typed is sent in its order, also if the socket is full for a while. */
  function send(step: () => Promise<void>) {
    sending = sending.then(() => isOver ? undefined : step());
  }
  keyboard.on("line", (line: string) => {
    send(() => sendAll(connection, new TextEncoder().encode(`${line}\n`)));
    keyboard.prompt();
  });
  keyboard.on("SIGINT", () => { // Ctrl-C, since the terminal now hands over every key
    keyboard.close();
    Deno.exit(130);
  });
  keyboard.on("close", () => {
    wantsToGo = true;
    if (terminal) output.write("\n"); // the line that was being typed ends here
    send(() => connection.closeWrite());
  });

  keyboard.prompt();
  for await (const line of linesOf(connection.readable)) {
    if (terminal) {
      // Goes to where the line that is being typed begins, and has it drawn again below.
      moveCursor(output, 0, -keyboard.getCursorPos().rows);
      cursorTo(output, 0);
      clearScreenDown(output);
    }
    output.write(`${line}\n`);
    if (!terminal) continue;
    Object.assign(keyboard, { prevRows: 0 }); // it would go up once more, as many rows
    keyboard.prompt(true);
  }
  isOver = true;
  if (!wantsToGo) {
    keyboard.close();
    throw new WrongReply("the room has closed the connection");
  }
}
