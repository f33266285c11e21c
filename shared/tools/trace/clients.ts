/**
 * What the clients of a script do, as `shared/client.ts` and `shared/ready.ts` publish it. A client
 * is drawn as if it did one thing at a time: it also waits for the reply while it sends, but the
 * wait is drawn only from the moment when all is sent.
 *
 * @module
 */

import { tracingChannel } from "node:diagnostics_channel";
import { now } from "./clock.ts";
import { nameEvent, type Recorder, type TraceEvent } from "./events.ts";

/** What a client does; in between, it does nothing, or something of its own. */
type Activity = "connect" | "send" | "wait for the reply";

/** What is published with each activity: the client's name, the connection once there is one. */
interface Context {
  name?: string;
  connection?: Deno.TcpConn;
  result?: Deno.TcpConn;
  bytes?: number;
  error?: unknown;
}

/**
 * Records from now on what the clients do. They are numbered as they begin to connect.
 *
 * @param detailed Whether each piece that a socket takes or gives is recorded, for the player.
 */
export function traceClients(record: Recorder, detailed = false): void {
  const clients = new WeakMap<object, Client>(); // by connection, and before by attempt
  let count = 0;

  follow("client:connect", "connect", {
    start(context) {
      const client = new Client(record, ++count, context.name);
      clients.set(context, client);
      return client;
    },
    end(context) {
      const client = clients.get(context);
      if (context.result !== undefined) {
        clients.set(context.result, client!);
        if (detailed) client!.follow(context.result);
      }
      return [client, { port: context.result?.localAddr.port ?? 0 }];
    },
  });
  const ofConnection = {
    start: ({ connection }: Context) => clients.get(connection!),
    end({ connection, bytes = 0, error }: Context): [Client | undefined, TraceEvent["args"]] {
      return [clients.get(connection!), error === undefined ? { bytes } : {}];
    },
  };
  follow("client:send", "send", ofConnection);
  follow("client:receive", "wait for the reply", ofConnection);
}

/** Whose activity it is; a connection that was made by other means belongs to none. */
interface Clients {
  start(context: Context): Client | undefined;
  end(context: Context): [Client | undefined, TraceEvent["args"]];
}

function follow(channel: string, activity: Activity, clients: Clients): void {
  tracingChannel(channel).subscribe({
    start: (context) => clients.start(context as Context)?.begin(activity),
    asyncEnd(context) {
      const [client, args] = clients.end(context as Context);
      client?.end(activity, args);
    },
    end() {},
    asyncStart() {},
    error() {},
  });
}

class Client {
  readonly #record: Recorder;
  readonly #number: number;
  readonly #activities: Activity[] = [];
  #since = 0;

  constructor(record: Recorder, number: number, name = `client ${number}`) {
    this.#record = record;
    this.#number = number;
    record(nameEvent("thread_name", number, name));
  }

  begin(activity: Activity): void {
    if (activity === "send" || this.#activities.length === 0) this.#since = now();
    this.#activities.push(activity);
  }

  end(activity: Activity, args: TraceEvent["args"]): void {
    this.#activities.splice(this.#activities.indexOf(activity), 1);
    if (this.#activities.includes("send")) return;
    const end = now();
    const event = { name: activity, cat: "client", ph: "X", pid: Deno.pid } as const;
    this.#record({ ...event, tid: this.#number, ts: this.#since, dur: end - this.#since, args });
    this.#since = end;
  }

  /** Records each piece that a connection takes or gives, and its end. */
  follow(connection: Deno.TcpConn): void {
    const { read, write, close, closeWrite } = connection;
    const dispose = connection[Symbol.dispose];
    const prototype = Object.getPrototypeOf(connection);
    connection.write = async (bytes) => {
      const start = now();
      const length = await write.call(connection, bytes);
      // If there was room, the kernel has taken them at once. The promise may be settled later:
      // after other clients had their turn, or because there was no room for so many.
      const waited = length > ROOM && now() - start > LONG;
      this.#instant("taken", waited ? now() : start, { bytes: length });
      return length;
    };
    connection.read = async (bytes) => {
      const length = await read.call(connection, bytes);
      this.#instant("given", now(), { bytes: length ?? 0 });
      return length;
    };
    let stream: typeof connection.readable | undefined;
    Object.defineProperty(connection, "readable", {
      get: () => stream ??= this.#watched(Reflect.get(prototype, "readable", connection)),
    });
    connection.closeWrite = () => {
      this.#instant("shut down", now());
      return closeWrite.call(connection);
    };
    connection.close = () => {
      this.#instant("closed", now());
      close.call(connection);
    };
    connection[Symbol.dispose] = () => {
      this.#instant("closed", now());
      dispose.call(connection);
    };
  }

  /** The same stream, which is read when somebody reads from it, and no sooner. */
  #watched(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    const reader = stream.getReader();
    const source: UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> = {
      pull: async (controller) => {
        const { value, done } = await reader.read();
        this.#instant("given", now(), { bytes: value?.length ?? 0 });
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    };
    return new ReadableStream(source, { highWaterMark: 0 });
  }

  #instant(name: string, ts: number, args: TraceEvent["args"] = {}): void {
    const event = {
      name,
      cat: "socket",
      ph: "i",
      s: "t",
      pid: Deno.pid,
      tid: this.#number,
    } as const;
    this.#record({ ...event, ts, args });
  }
}

/** Bytes. For so many there is room, unless a client has just sent far more. */
const ROOM = 64 * 1024;
/** Microseconds. A write of more that takes longer had to wait. */
const LONG = 1000;
