/**
 * The signals that ask a program to end.
 *
 * @module
 */

/**
 * The exit codes that report them, 128 and the signal's number: the terminal was closed, Ctrl-C was
 * pressed, kill(1) was called. See signal(7).
 */
export const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that asks a program to end. */
export type EndSignal = keyof typeof EXIT_CODES;

/**
 * Calls `listener` for each of these signals, which then no longer end the program by themselves,
 * until what is returned is disposed of.
 *
 * @param listener Gets the signal, and the exit code that reports it.
 */
export function onEndSignal(listener: (signal: EndSignal, code: number) => void): Disposable {
  const listeners = Object.entries(EXIT_CODES).map(([name, code]) => {
    const signal = name as EndSignal;
    return [signal, () => listener(signal, code)] as const;
  });
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
