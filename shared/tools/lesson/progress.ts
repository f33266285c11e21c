/**
 * A line at the end of a terminal that says how far something is, and gives way to what is printed.
 *
 * @module
 */

/** How often the line is written again, in milliseconds. */
const INTERVAL = 200;

let shown = false;

/** Prints a line, as console.log does, in the place of the line of progress. */
export function print(line: string): void {
  clear();
  console.log(line);
}

/**
 * Shows a line of progress, beginning after a second. Where nobody watches, since the output is no
 * terminal, it does nothing.
 *
 * @param describe What the line says, when `time` milliseconds have passed.
 * @returns `end`, which takes the line away.
 */
export function showProgress(describe: (time: number) => string): { end: () => void } {
  if (!Deno.stdout.isTerminal()) return { end() {} };
  const start = performance.now();
  const timer = setInterval(() => {
    const time = performance.now() - start;
    if (time < 1000) return;
    clear();
    write(describe(time));
    shown = true;
  }, INTERVAL);
  return {
    end() {
      clearInterval(timer);
      clear();
    },
  };
}

function clear() {
  if (shown) write("\r\x1b[K");
  shown = false;
}

function write(text: string) {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
