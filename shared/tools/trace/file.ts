/**
 * A trace of a program that has no libc, written through Deno.
 *
 * @module
 */

import { jsonHeader, jsonLine, type Recorder, recordOnStderr, STDERR } from "./events.ts";

/** Lines wait for others for so many milliseconds, and are lost if the process is killed. */
const DELAY = 50;

/**
 * Opens a trace. A file needs `--allow-write`; without it, the script ends with one line.
 *
 * @param trace The file's name, or `-` for stderr.
 * @param process Whose events these are.
 */
export function openTrace(trace: string, process: string): Recorder {
  if (trace === STDERR) return recordOnStderr(1000 * performance.timeOrigin);
  const file = openFile(trace);
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

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    const denied = error instanceof Deno.errors.NotCapable;
    console.error(
      denied
        ? "writing a trace needs a permission: run it again with --allow-write"
        : `the trace cannot be written: ${(error as Error).message}`,
    );
    Deno.exit(1);
  }
}
