/**
 * What a scenario is: a situation, and what a server has to do in it.
 *
 * @module
 */

import type { Address } from "../../linux/socket.ts";
import type { Fault } from "./faults.ts";
import type { Server, StartOptions } from "./server.ts";

/** A situation, and what a server has to do in it. */
export type Scenario = Situation & (Visit | Inspection);

/** What all scenarios have. */
export interface Situation {
  /** What a correct server does, as the end of the sentence "the server …". */
  name: string;
  /** Whose view it is, as the beginning of the sentence that says what went wrong. */
  seenBy: string;
  /** What a server that fails usually does wrong: the first one that fits what was seen. */
  faults: readonly Fault[];
  /** How many clients must be served at a time, if more than one. */
  concurrent?: number;
  /** It is about the options that the lessons' servers have. */
  ofLessons?: true;
  /** It holds for servers that do not speak shout as well. */
  anyProtocol?: true;
  /** It is about a server that sleeps while there is nothing to do. */
  sleeps?: true;
  /** How many connections it has at once, if they are so many that there may be no descriptors. */
  connections?: number;
  /** How the server is started. */
  start?: StartOptions;
  /** How long it may take, in milliseconds. */
  limit?: number;
  /** The server has ended at the end, so it cannot be tested whether it still serves. */
  ends?: true;
}

/** What a client can see, of any server at all. */
export interface Visit {
  /** It does not need the server's process. */
  inspects?: undefined;
  /** Throws if the server does anything wrong. */
  run(server: Address): Promise<void>;
}

/** What needs the process of the server as well. */
export interface Inspection {
  /** It needs the server's process. */
  inspects: true;
  /** Throws if the server does anything wrong. */
  run(server: Server): Promise<void>;
}
