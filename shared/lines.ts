/**
 * Lines of text.
 *
 * @module
 */

/**
 * The lines of a stream of text; the last one also if it has no end.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const lines = await Array.fromAsync(linesOf(new Blob(["one\ntw", "o"]).stream()));
 * assertEquals(lines, ["one", "two"]);
 * ```
 */
export async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

const LF = 10;
const CR = 13;
const NOTHING = new Uint8Array();
const decoder = new TextDecoder();

/**
 * The lines of a stream of bytes, as they become complete: a line may come in several pieces, and a
 * piece may have several lines. No more than one line is ever kept.
 *
 * A line is decoded when all of it has arrived, so that no character is cut.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const lines = new LineBuffer(10);
 * const [one, two] = ["one\r\ntw", "o\n"].map((text) => new TextEncoder().encode(text));
 * assertEquals([...lines.add(one)], ["one"]);
 * assertEquals([...lines.add(two)], ["two"]);
 * ```
 */
export class LineBuffer {
  #kept: Uint8Array<ArrayBuffer> = NOTHING;
  #length = 0; // how much of it is the beginning of a line
  #skips = false; // what comes until the next end is the rest of a line that was too long

  /** Takes lines of at most `most` bytes, without their ends. */
  constructor(readonly most: number) {}

  /**
   * Takes a piece, which is not kept, and yields the lines that it completes, without their ends
   * (LF, or CR LF). For a line that is too long, it yields undefined, once and at once.
   */
  *add(piece: Uint8Array<ArrayBuffer>): Generator<string | undefined> {
    let start = 0;
    for (let end; (end = piece.indexOf(LF, start)) !== -1; start = end + 1) {
      const line = this.#complete(piece.subarray(start, end));
      if (!this.#skips) yield line.length > this.most ? undefined : decoder.decode(line);
      this.#skips = false;
    }
    if (this.#skips) return;
    this.#keep(piece.subarray(start));
    if (this.#length <= this.most + 1) return; // the last byte may be a CR
    this.#forget();
    this.#skips = true;
    yield undefined;
  }

  #complete(end: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    let line = end;
    if (this.#length > 0) {
      this.#keep(end);
      line = this.#kept.subarray(0, this.#length);
      this.#forget();
    }
    return line.at(-1) === CR ? line.subarray(0, -1) : line;
  }

  #keep(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#kept.length) {
      // Twice as much as is needed, so that a line that comes byte by byte is not copied each time.
      const larger = new Uint8Array(2 * length);
      larger.set(this.#kept.subarray(0, this.#length));
      this.#kept = larger;
    }
    this.#kept.set(piece, this.#length);
    this.#length = length;
  }

  #forget(): void {
    this.#kept = NOTHING;
    this.#length = 0;
  }
}
