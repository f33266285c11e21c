/**
 * A line of progress at the end of a terminal's output, below everything that is printed.
 *
 * @module
 */

/** The time between two updates of the line, in milliseconds. */
const INTERVAL = 200;

let shown = false;

/** Prints a line as console.log does, in place of the line of progress. */
export function print(line: string): void {
  clear();
  console.log(line);
}

/**
 * Shows a line of progress, from the first second on. If the output is not a terminal, it does
 * nothing.
 *
 * @param describe Returns the text of the line after `time` milliseconds.
 * @returns `end`, which removes the line.
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
