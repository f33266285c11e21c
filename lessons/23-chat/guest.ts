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
  /** Gets each line that the room itself says. */
  onRoom?: (line: string) => void;
  readonly #connection: Deno.TcpConn;
  readonly #lines: AsyncGenerator<string>;

  private constructor(readonly name: string, connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#lines = linesOf(connection.readable);
  }

  /**
   * Connects and says a name. It has read nothing then, so it may still be refused.
   *
   * @param lane What the client is called where its activities are recorded.
   */
  static async enter(address: Address, name: string, lane?: string): Promise<Guest> {
    const guest = new Guest(name, await connectWhenReady(address, { name: lane }));
    await guest.say(name);
    return guest;
  }

  /** Says a line. */
  async say(line: string): Promise<void> {
    await this.send(new TextEncoder().encode(`${line}\n`));
  }

  /** Sends bytes, which may be a part of a line. */
  async send(bytes: Uint8Array): Promise<void> {
    await sendAll(this.#connection, bytes);
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
      if (value.startsWith("* ")) this.onRoom?.(value);
      else this.heard.push(value);
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

  /**
   * Throws a {@linkcode WrongReply} unless it has heard just what all others have said, each one's
   * lines in order.
   *
   * @param said The lines, by name.
   * @param dropped It was dropped, so it has heard the beginnings of that.
   */
  expect(said: ReadonlyMap<string, readonly string[]>, dropped = false): void {
    const heard = Map.groupBy(this.heard, (line) => line.slice(0, line.indexOf(": ")));
    for (const [name, lines] of said) {
      if (name === this.name) continue;
      const own = heard.get(name) ?? [];
      const wrong = own.findIndex((line, i) => line !== `${name}: ${lines[i]}`);
      if (wrong === -1 && (dropped || own.length === lines.length)) continue;
      throw new WrongReply(
        `${this.name} heard ${own.length} of ${lines.length} lines of ${name}; ` +
          `line ${(wrong === -1 ? own.length : wrong) + 1} is wrong`,
      );
    }
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
