/**
 * A trace as a file: how a script that may not call libc writes it, and how it is completed when
 * the script has ended. Nothing here calls libc.
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
      writeAll(file, bytes);
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

/** The file of a script that calls libc grows by pieces of this size, see `log.ts`. */
export const PIECE = 64 * 1024;

const LINE_FEED = 10;
/** How a line begins, and nothing within a line. */
const LINE = new TextEncoder().encode(',{"name":');

/**
 * Makes the file of a script that has ended an array that any JSON parser can read: removes the
 * room that was set aside for more lines, and closes the array. If the script was killed while it
 * wrote a line, that line is removed as well.
 */
export function closeTrace(path: string): void {
  using file = Deno.openSync(path, { read: true, write: true });
  const { size } = file.statSync();
  const [piece, next] = [new Uint8Array(PIECE), new Uint8Array(LINE.length)];
  let end = 0;
  for (let start = 0; start < size; start += PIECE) {
    const length = readAt(file, start, piece);
    const begins = readAt(file, start + PIECE, next) === LINE.length &&
      next.every((byte, i) => byte === LINE[i]);
    // A line continues in the next piece, unless that begins with a line or there is none.
    const continues = start + PIECE < size && !begins;
    const kept = continues ? length : piece.subarray(0, length).lastIndexOf(LINE_FEED) + 1;
    file.seekSync(end, Deno.SeekMode.Start);
    writeAll(file, piece.subarray(0, kept));
    end += kept;
  }
  writeAll(file, new TextEncoder().encode(end === 0 ? "[]\n" : "]\n"));
  file.truncateSync(end === 0 ? 3 : end + 2);
}

/** Reads as much as there is, and returns how much that was. */
function readAt(file: Deno.FsFile, offset: number, bytes: Uint8Array): number {
  file.seekSync(offset, Deno.SeekMode.Start);
  let length = 0;
  while (length < bytes.length) {
    const more = file.readSync(bytes.subarray(length));
    if (more === null) break;
    length += more;
  }
  return length;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let n = 0; n < bytes.length;) n += file.writeSync(bytes.subarray(n));
}
