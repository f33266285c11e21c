/**
 * The descriptors that Deno needs for itself.
 *
 * @module
 */

/**
 * Makes Deno open its own descriptors now. Some of them it would open half a second after its
 * start, and if a script has used up all that there are by then, Deno 2.9 panics. A script that
 * blocks its thread in a call never comes to that point, and does not need this.
 */
export function openOwnDescriptors(): void {
  // They are the pair of sockets through which signals reach the event loop.
  Deno.addSignalListener("SIGWINCH", ignore);
  Deno.removeSignalListener("SIGWINCH", ignore);
}

function ignore(): void {}
