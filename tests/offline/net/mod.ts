/**
 * What the tests use of `@std/net`.
 *
 * @module
 */

/** A TCP port that nobody has at the moment. */
export function getAvailablePort(): number {
  using listener = Deno.listen({ port: 0 });
  return listener.addr.port;
}
