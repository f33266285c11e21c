/**
 * Reads a trace, which may have gigabytes.
 *
 * @module
 */

import type { TraceEvent } from "./events.ts";

/** The events in a file; of one that is still being written, those that are complete. */
export function* eventsIn(path: string): Generator<TraceEvent> {
  for (const line of linesIn(path)) {
    try {
      yield JSON.parse(line.trimStart().slice(1)); // behind a bracket or a comma
    } catch {
      // What is still being written, the bracket at the end, or the spaces there.
    }
  }
}

/** The lines of a file, of which no more than a piece is in memory: it may have gigabytes. */
function* linesIn(path: string): Generator<string> {
  using file = Deno.openSync(path);
  const decoder = new TextDecoder();
  const piece = new Uint8Array(64 * 1024);
  let rest = "";
  for (let length; (length = file.readSync(piece)) !== null;) {
    const lines = (rest + decoder.decode(piece.subarray(0, length), { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  yield rest;
}
