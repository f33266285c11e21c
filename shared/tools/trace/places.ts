/**
 * Where in a script its calls are made.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Recorder } from "./events.ts";

/** What is ours: a call is made where a script calls into it, and not inside of it. */
const SHARED = fileURLToPath(new URL("../../", import.meta.url));
/** The script itself; a thread has none. */
const MAIN = Deno.mainModule?.startsWith("file:") ? fileURLToPath(Deno.mainModule) : "";

/**
 * How many frames of a stack are looked at. A coroutine that waits in a function of a function
 * takes two for each of them, see `coroutines.ts`.
 */
const DEEPEST = 32;

/** What V8 says of a frame. */
interface CallSite {
  getFileName(): string | null;
  getLineNumber(): number | null;
}

/** Places are numbered as they come, and each of them is recorded once. */
export class Places {
  readonly #record: Recorder;
  /** The thread. */
  readonly tid: number;
  readonly #numbers = new Map<string, number>();

  /** The places of the calls of the thread `tid`. */
  constructor(record: Recorder, tid: number) {
    this.#record = record;
    this.tid = tid;
  }

  /**
   * The number of the place in a script from which this is reached; undefined where there is none.
   * It takes some microseconds to look it up, which is more than most calls take.
   */
  here(): number | undefined {
    let innermost: string | undefined;
    for (const site of stack()) {
      const file = site.getFileName();
      if (!file?.startsWith("/") || file.startsWith(SHARED)) continue;
      const place = `${file}:${site.getLineNumber()}`;
      // A coroutine of a script is in the stack above the modules that it waits with.
      if (file === MAIN) return this.#number(place);
      innermost ??= place;
    }
    return innermost === undefined ? undefined : this.#number(innermost);
  }

  #number(place: string): number {
    const known = this.#numbers.get(place);
    if (known !== undefined) return known;
    const id = this.#numbers.size + 1;
    this.#numbers.set(place, id);
    const args = { id, place };
    this.#record({
      name: "place",
      cat: "name",
      ph: "M",
      pid: Deno.pid,
      tid: this.tid,
      ts: 0,
      args,
    });
    return id;
  }
}

function stack(): CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  Error.prepareStackTrace = (_, sites) => sites;
  Error.stackTraceLimit = DEEPEST;
  try {
    Error.captureStackTrace(holder, stack);
    return holder.stack as CallSite[];
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
