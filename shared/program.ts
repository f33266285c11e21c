/**
 * What the programs that schedule coroutines have in common: their options.
 *
 * @module
 */

import { type Options, parseOptions, TRACE, type Values } from "./options.ts";
import { traceCoroutines } from "./tools/trace/coroutines.ts";
import { openTrace } from "./tools/trace/file.ts";

const PROGRAM = {
  trace: { ...TRACE, help: "tell of each switch, on stderr or as trace events in this file" },
};

/** Reads a program's command line: `--trace`, `--help`, and the options of its own. */
export function programOptions<Extra extends Options = Record<never, never>>(
  extra: Extra = {} as Extra,
): Values<Extra> {
  const { trace, ...options } = parseOptions<Options>({ ...PROGRAM, ...extra });
  if (trace) traceCoroutines(openTrace(trace, "program"));
  return options as Values<Extra>;
}
