/**
 * What waits to be sent to one client of the chat room.
 *
 * @module
 */

/**
 * Lines in a queue. A line is one array, however many queues it is in: none of them copies it
 * before it is sent.
 */
export class Outbox {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #cut = false; // the first piece is the rest of a line that was sent in part

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Puts a line at the end. */
  put(line: Uint8Array): void {
    this.#pieces.push(line);
    this.#length += line.length;
  }

  /** Copies from the beginning whatever there is room for, and returns how many bytes that is. */
  fill(buffer: Uint8Array): number {
    let length = 0;
    for (const piece of this.#pieces) {
      const part = piece.subarray(0, buffer.length - length);
      buffer.set(part, length);
      length += part.length;
      if (length === buffer.length) break;
    }
    return length;
  }

  /** Takes up to `most` bytes from the beginning. A line that waits alone is not copied. */
  take(most: number): Uint8Array {
    const alone = this.#pieces.length === 1 && this.#length <= most;
    const piece = alone ? this.#pieces[0] : new Uint8Array(Math.min(this.#length, most));
    if (!alone) this.fill(piece);
    this.remove(piece.length);
    return piece;
  }

  /** Takes bytes away from the beginning, which have been sent. */
  remove(length: number): void {
    this.#length -= length;
    let whole = 0;
    while (this.#pieces[whole]?.length <= length) length -= this.#pieces[whole++].length;
    this.#pieces.splice(0, whole);
    this.#cut = length > 0 || this.#cut && whole === 0;
    if (length > 0) this.#pieces[0] = this.#pieces[0].subarray(length);
  }

  /** Forgets the lines, except for the rest of one that was sent in part, and puts a last one. */
  end(line: Uint8Array): void {
    this.#pieces.length = this.#cut ? 1 : 0;
    this.#length = this.#pieces[0]?.length ?? 0;
    this.put(line);
  }
}
