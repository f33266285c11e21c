/**
 * A trace of a script that may not call libc, written through Deno.
 *
 * @module
 */

import { endRecording, jsonHeader, jsonLine, type Recorder } from "./events.ts";

/** A line waits for others for so many milliseconds, and is lost if the process is killed. */
const DELAY = 50;

/**
 * Opens a trace, which needs `--allow-write`.
 *
 * @param path The file.
 * @param process The name of the process in the trace.
 */
export function openTrace(path: string, process: string): Recorder {
  const file = open(path);
  const encoder = new TextEncoder();
  let lines = jsonHeader(process);
  let waiting = false;
  function write() {
    const bytes = encoder.encode(lines);
    lines = "";
    try {
      for (let n = 0; n < bytes.length;) n += file.writeSync(bytes.subarray(n));
    } catch (error) {
      endRecording(error);
    }
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

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    endRecording(error);
  }
}
