/**
 * What the clients of a script do: they make no calls of their own, so they tell it themselves. A
 * client does one thing at a time, as it is drawn: while it sends, it may be waiting for the reply
 * already, and that is told when all is sent.
 *
 * @module
 */

import { nameEvent, type Recorder, type TraceEvent } from "./events.ts";

/** What a client does; in between, it does nothing, or something of its own. */
export type Activity = "connect" | "send" | "wait for the reply";

/** One client. */
export class ClientTrace {
  readonly #record: Recorder;
  readonly #number: number;
  readonly #activities: Activity[] = [];
  #since = 0;

  /** Begins with a client who has a number of its own. */
  constructor(record: Recorder, number: number) {
    this.#record = record;
    this.#number = number;
    record(nameEvent("thread_name", number, `client ${number}`));
  }

  /** It begins to do something. */
  begin(activity: Activity): void {
    if (this.#activities.push(activity) === 1) this.#since = now();
  }

  /**
   * It has done that.
   *
   * @param args What has come of it.
   */
  end(activity: Activity, args: TraceEvent["args"] = {}): void {
    const index = this.#activities.indexOf(activity);
    this.#activities.splice(index, 1);
    if (index > 0) return; // it has been doing something else up to now
    const end = now();
    const event = { name: activity, cat: "client", ph: "X", pid: Deno.pid } as const;
    this.#record({ ...event, tid: this.#number, ts: this.#since, dur: end - this.#since, args });
    this.#since = end;
  }
}

/** The clients of a script, in the order in which they connect. */
export class ClientTraces {
  readonly #record: Recorder;
  readonly #clients = new WeakMap<Deno.Conn, ClientTrace>();
  #count = 0;

  /** Begins without any. */
  constructor(record: Recorder) {
    this.#record = record;
  }

  /** A new client, who has no connection yet. */
  add(): ClientTrace {
    return new ClientTrace(this.#record, ++this.#count);
  }

  /** From now on, this connection is that client's. */
  connected(connection: Deno.Conn, client: ClientTrace): void {
    this.#clients.set(connection, client);
  }

  /** Whose connection this is; undefined if it was made by other means. */
  of(connection: Deno.Conn): ClientTrace | undefined {
    return this.#clients.get(connection);
  }
}

/** The clients that are traced; undefined as long as none is. */
export let clients: ClientTraces | undefined;

/** Records from now on what the clients do. */
export function traceClients(record: Recorder): void {
  clients = new ClientTraces(record);
}

function now(): number {
  return 1000 * (performance.timeOrigin + performance.now());
}
