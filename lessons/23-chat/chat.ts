/**
 * A chat room without a network: who is in it, and what is said to whom. How bytes come and go is
 * the business of the servers.
 *
 * A client's first line is its name. From then on, each of its lines goes to all others. What the
 * room itself says begins with an asterisk.
 *
 * @module
 */

import { LineBuffer } from "../../shared/lines.ts";
import { Outbox } from "./outbox.ts";

/** The longest line that a client may send, in bytes. */
export const LONGEST_LINE: number = 64 * 1024;
/** How many bytes may wait for a client. A client that overruns this is dropped. */
export const MOST_UNSENT: number = 256 * 1024;
/** How long a client that has left may take for what still waits for it, in milliseconds. */
export const GRACE = 5000;

const NAME = /^[\p{L}\p{N}_-]{1,20}$/u;
const encoder = new TextEncoder();

/** A client, whatever its socket is. */
export class Member<Socket> {
  /** Its name; empty until it has one. */
  name = "";
  /** It gets what is in its outbox, and nothing more. */
  leaving = false;
  /** Its socket has not taken all that there was, so it waits for room. */
  full = false;
  /** What it says. */
  readonly lines = new LineBuffer(LONGEST_LINE);
  /** What it has yet to hear. */
  readonly outbox = new Outbox();

  /** A client that has just connected. */
  constructor(readonly socket: Socket) {}
}

/** The room. It does no input and output, and never waits. */
export class Room<Socket> {
  readonly #members = new Map<string, Member<Socket>>();
  readonly #deliver: (member: Member<Socket>) => void;

  /** `deliver` is called when there is more in a client's outbox, and when a client leaves. */
  constructor(deliver: (member: Member<Socket>) => void) {
    this.#deliver = deliver;
  }

  /** Asks a new client for its name. */
  greet(client: Member<Socket>): void {
    this.#answer(client, "* what is your name?");
  }

  /** Takes what a client has sent. */
  hear(client: Member<Socket>, bytes: Uint8Array<ArrayBuffer>): void {
    for (const line of client.lines.add(bytes)) {
      if (client.leaving) return;
      if (line === undefined) {
        this.#answer(client, `* too long: a line has ${LONGEST_LINE} bytes at most`);
      } else if (client.name === "") this.#enter(client, line);
      else if (line !== "") this.#say(`${client.name}: ${printable(line)}`, client);
    }
  }

  /** Lets a client go. Nothing happens if it is leaving already. */
  leave(client: Member<Socket>, how = "left"): void {
    if (client.leaving) return;
    client.leaving = true;
    this.#deliver(client);
    if (this.#members.delete(client.name)) this.#say(`* ${client.name} ${how}`);
  }

  #enter(client: Member<Socket>, name: string): void {
    if (!NAME.test(name)) {
      return this.#answer(client, "* a name has 1 to 20 letters, digits, _ and -; what is yours?");
    }
    if (this.#members.has(name)) {
      return this.#answer(client, `* ${name} is here already; what is your name?`);
    }
    this.#say(`* ${name} came`);
    client.name = name;
    this.#members.set(name, client);
    this.#answer(client, `* welcome, ${name}; others here: ${this.#members.size - 1}`);
  }

  /** Says a line to all, except to its author. */
  #say(text: string, author?: Member<Socket>): void {
    const line = encoder.encode(`${text}\n`); // once, however many hear it
    const slow: Member<Socket>[] = [];
    for (const member of this.#members.values()) {
      if (member !== author && !this.#put(member, line)) slow.push(member);
    }
    // Not before all have this line: that somebody was dropped is a line as well, and the lines
    // would not come to all in one order.
    for (const member of slow) this.#drop(member);
  }

  #answer(client: Member<Socket>, text: string): void {
    if (!this.#put(client, encoder.encode(`${text}\n`))) this.#drop(client);
  }

  /** Returns whether the client still keeps up. */
  #put(client: Member<Socket>, line: Uint8Array): boolean {
    client.outbox.put(line);
    this.#deliver(client);
    return client.outbox.length <= MOST_UNSENT;
  }

  #drop(client: Member<Socket>): void {
    if (client.leaving) return;
    const reason = `more than ${MOST_UNSENT / 1024} KiB were waiting`;
    console.log(`dropped ${client.name || "a client without a name"}: ${reason} for it`);
    client.outbox.end(encoder.encode(`* you were dropped: ${reason} for you\n`));
    this.leave(client, "was dropped");
  }
}

/** A text without control characters, which could move the cursor of another's terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "\uFFFD");
}
