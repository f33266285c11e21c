/**
 * Waiting for changes in a folder.
 *
 * @module
 */

/** Watches a folder. */
export class Watcher implements Disposable {
  readonly #events: Deno.FsWatcher;
  #next = Promise.withResolvers<void>();

  /** Begins to watch. */
  constructor(folder: string) {
    this.#events = Deno.watchFs(folder);
    this.#read();
  }

  /** Settles at the next event from now on. */
  next(): Promise<void> {
    this.#next = Promise.withResolvers();
    return this.#next.promise;
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.#events.close();
  }

  async #read() {
    for await (const _event of this.#events) this.#next.resolve();
  }
}
