/**
 * A trace of a script that may not call libc, written through Deno.
 *
 * @module
 */

import { jsonHeader, jsonLine, type Recorder } from "./events.ts";

/** A line waits for others for so many milliseconds, and is lost if the process is killed. */
const DELAY = 50;

/**
 * Opens a trace, which needs `--allow-write`.
 *
 * @param path The file.
 * @param process The name of the process in the trace.
 */
export function openTrace(path: string, process: string): Recorder {
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  let lines = jsonHeader(process);
  let waiting = false;
  function write() {
    const bytes = encoder.encode(lines);
    for (let n = 0; n < bytes.length;) n += file.writeSync(bytes.subarray(n));
    lines = "";
    waiting = false;
  }
  write();
  addEventListener("unload", write);
  return (event) => {
    lines += jsonLine(event);
    if (lines.length > 64 * 1024) write();
    else if (!waiting) {
      waiting = true;
      Deno.unrefTimer(setTimeout(write, DELAY));
    }
  };
}
