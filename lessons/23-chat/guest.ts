/**
 * A client in the chat room, as a script drives it.
 *
 * @module
 */

import { tracingChannel } from "node:diagnostics_channel";
import { sendAll, WrongReply } from "../../shared/client.ts";
import { linesOf } from "../../shared/lines.ts";
import type { Address } from "../../shared/linux/socket.ts";
import { connectWhenReady } from "../../shared/ready.ts";

// Published for any subscriber, as in shared/client.ts.
const receiving = tracingChannel("client:receive");
/** How long a client waits for the next line, in milliseconds. */
const PATIENCE = 30_000;

/** A client with a name. */
export class Guest implements Disposable {
  /** What others have said, in the order in which it arrived. */
  readonly heard: string[] = [];
  readonly #connection: Deno.TcpConn;
  readonly #lines: AsyncGenerator<string>;

  private constructor(readonly name: string, connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#lines = linesOf(connection.readable);
  }

  /** Connects and says a name. It has read nothing then, so it may still be refused. */
  static async enter(address: Address, name: string): Promise<Guest> {
    const guest = new Guest(name, await connectWhenReady(address));
    await guest.say(name);
    return guest;
  }

  /** Says a line. */
  async say(line: string): Promise<void> {
    await sendAll(this.#connection, new TextEncoder().encode(`${line}\n`));
  }

  /**
   * Waits for the next line, and returns it; undefined at the end.
   *
   * @throws {WrongReply} if the connection breaks, or if nothing comes for half a minute.
   */
  async next(): Promise<string | undefined> {
    const timer = setTimeout(() => this[Symbol.dispose](), PATIENCE);
    try {
      const { value, done } = await this.#lines.next();
      if (done) return undefined;
      if (!value.startsWith("* ")) this.heard.push(value);
      return value;
    } catch (error) {
      throw new WrongReply(`${this.name} heard nothing more: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits until the room itself says a line that begins like this. */
  async nextOfRoom(beginning: string): Promise<void> {
    await this.#until((line) => line.startsWith(beginning));
  }

  /** Waits until it has heard this many lines of others, in all. */
  async hear(count: number): Promise<void> {
    const context = { connection: this.#connection };
    await receiving.tracePromise(async () => {
      if (this.heard.length < count) await this.#until(() => this.heard.length === count);
    }, context);
  }

  /** Throws a {@linkcode WrongReply} unless it has heard just these lines of another, in order. */
  expect(name: string, lines: readonly string[]): void {
    const heard = this.heard.filter((line) => line.startsWith(`${name}: `));
    const wrong = lines.findIndex((line, i) => heard[i] !== `${name}: ${line}`);
    if (wrong === -1 && heard.length === lines.length) return;
    throw new WrongReply(
      `${this.name} heard ${heard.length} of ${lines.length} lines of ${name}; ` +
        `line ${wrong === -1 ? lines.length : wrong + 1} is wrong`,
    );
  }

  async #until(isEnough: (line: string) => boolean): Promise<void> {
    for (let line; (line = await this.next()) !== undefined;) {
      if (isEnough(line)) return;
    }
    throw new WrongReply(`${this.name} was disconnected after ${this.heard.length} lines`);
  }

  /** Ends its sending and reads what is left; returns the last line. */
  async leave(): Promise<string | undefined> {
    await this.#connection.closeWrite();
    let last;
    for (let line; (line = await this.next()) !== undefined;) last = line;
    return last;
  }

  /** Closes the connection, if that has not happened yet. */
  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
