/**
 * A pause in accepting clients, for a server that has run out of descriptors.
 *
 * @module
 */

/** How long a pause lasts, in milliseconds, unless a client goes before. */
const PAUSE = 100;

/**
 * While a process is out of descriptors (EMFILE), the next client stays in the queue and the
 * listener stays ready: a server that went on watching it would spin. So it does not watch the
 * listener until a client has gone, or a little time has passed.
 */
export class AcceptPause {
  readonly #watch: (accepting: boolean) => void;
  #end = 0; // 0: there is no pause

  /** No pause yet. `watch` begins or ends to watch the listener. */
  constructor(watch: (accepting: boolean) => void = () => {}) {
    this.#watch = watch;
  }

  /** Whether nothing is to be accepted now. */
  get active(): boolean {
    return this.#end !== 0;
  }

  /** How long the server may wait for its clients, in milliseconds; undefined without a pause. */
  get timeout(): number | undefined {
    return this.active ? Math.max(0, Math.ceil(this.#end - performance.now())) : undefined;
  }

  /** Begins a pause. */
  begin(): void {
    this.#end = performance.now() + PAUSE;
    this.#watch(false);
  }

  /** Ends it if its time is over. */
  endIfOver(): void {
    if (this.active && performance.now() >= this.#end) this.end();
  }

  /** Ends it, since there is a descriptor again. */
  end(): void {
    if (!this.active) return;
    this.#end = 0;
    this.#watch(true);
  }
}
