/**
 * Preloaded into a server whose last error is to be found: prints where that came from, in one
 * line. A lesson's server by itself prints a failed system call without its place.
 *
 * @module
 */

addEventListener("unhandledrejection", ({ reason }) => {
  console.error(String(reason?.stack).replaceAll("\n", ""));
});
