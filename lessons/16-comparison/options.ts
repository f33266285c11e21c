/**
 * The kinds of options that only this lesson has.
 *
 * @module
 */

import { type Option, text } from "../../shared/options.ts";
import { userPath } from "../../shared/tools/process/files.ts";
import type { Range } from "./cells.ts";

const MOST = 100_000;

/** Whole numbers with commas in between, or the word `none`. */
export function list(initial: readonly number[], help: string): Option<readonly number[]> {
  const takes = `numbers from 1 to ${MOST} such as 1,50, or none`;
  function parse(text: string): number[] | undefined {
    if (text === "none") return [];
    const numbers = text.split(",").map(Number);
    const valid = numbers.every((number) => Number.isInteger(number) && number <= MOST);
    return /^\d+(,\d+)*$/.test(text) && valid && !numbers.includes(0) ? numbers : undefined;
  }
  return { type: "string", initial, help, placeholder: "N,…", takes, parse };
}

/** The path of a file or folder, from where `deno task` was called. */
export function path(placeholder: string, help: string): Option<string> {
  const { parse, ...option } = named(placeholder, help);
  return { ...option, parse: (text) => parse(text) && userPath(text) };
}

/** A text option whose help names the kind of text. */
export function named(placeholder: string, help: string): Option<string> {
  return { ...text("", help), placeholder };
}

/** The options that ask for a range. */
export function asOptions({ active, idle, sizes }: Range): string {
  return `--active ${active} --idle ${idle} --sizes ${sizes}`;
}
