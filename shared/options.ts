/**
 * The command lines of the scripts: the kinds of options, and one line for a wrong one.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { isIPv4 } from "./linux/address.ts";

/** An option of a script. A switch has no placeholder. */
export interface Option<Value> {
  /** Its value unless it is given. */
  initial: Value;
  /** What it is for, in a few words. */
  help: string;
  /** What the help shows in place of the value. */
  placeholder?: string;
  /** Reads the value; throws an error whose message ends the sentence "--port takes …". */
  parse(text: string): Value;
}

/** Options by name. */
// deno-lint-ignore no-explicit-any -- options of different types stand side by side
export type Options = Record<string, Option<any>>;

/** The values of the options of a script. */
export type Values<Names extends Options> = { [Name in keyof Names]: Names[Name]["initial"] };

/** A whole number from `least` to `most`. */
export function number(initial: number, help: string, least = 0, most = 1e9): Option<number> {
  function parse(text: string): number {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new Error(`a whole number from ${least} to ${most}, not "${text}"`);
  }
  return { initial, help, placeholder: "N", parse };
}

/** Any text that is not empty. */
export function text(initial: string, help: string): Option<string> {
  function parse(text: string): string {
    if (text !== "") return text;
    throw new Error("a text that is not empty");
  }
  return { initial, help, placeholder: "TEXT", parse };
}

/** One of several words. */
export function choice<Word extends string>(
  words: readonly Word[],
  initial: Word,
  help: string,
): Option<Word> {
  function parse(text: string): Word {
    const word = words.find((word) => word === text);
    if (word !== undefined) return word;
    throw new Error(`one of ${words.join(", ")}, not "${text}"`);
  }
  return { initial, help, placeholder: words.join("|"), parse };
}

/** A switch: given or not. */
export function flag(help: string): Option<boolean> {
  return { initial: false, help, parse: () => true };
}

/** Where a server listens: a numeric IPv4 address. */
export const HOST: Option<string> = {
  initial: "127.0.0.1",
  help: "numeric IPv4 address",
  placeholder: "ADDRESS",
  parse(text) {
    if (isIPv4(text)) return text;
    throw new Error(`a numeric IPv4 address such as 127.0.0.1, not "${text}"`);
  },
};

/**
 * Reads this script's command line. `--help` prints the options and exits with 0; a wrong option is
 * one line on stderr and exit code 2.
 */
export function parseOptions<Names extends Options>(options: Names): Values<Names> {
  const given = wordsFor(options);
  if (given.help) printHelp(options);
  const values: Record<string, unknown> = {};
  for (const [name, { initial, parse }] of Object.entries(options)) {
    try {
      values[name] = given[name] === undefined ? initial : parse(String(given[name]));
    } catch (error) {
      refuse(`--${name} takes ${(error as Error).message}`);
    }
  }
  return values as Values<Names>;
}

function wordsFor(options: Options): Record<string, unknown> {
  const kinds = Object.entries(options).map(([name, { placeholder }]) =>
    [name, { type: placeholder === undefined ? "boolean" : "string" }] as const
  );
  const help = { type: "boolean", short: "h" } as const;
  try {
    return parseArgs({ options: { ...Object.fromEntries(kinds), help } }).values;
  } catch (error) {
    return refuse(firstSentence(error as Error));
  }
}

/** What is wrong with a command line; Node's messages go on to explain what else it may contain. */
export function firstSentence({ message }: Error): string {
  return message.split(/\.(?: |\n|$)|\n/)[0];
}

/** Ends the program because of a wrong command line: with one line on stderr, and exit code 2. */
export function refuse(reason: string): never {
  console.error(`${reason} (--help shows the options)`);
  Deno.exit(2);
}

function printHelp(options: Options): never {
  const rows = Object.entries(options).map(([name, { placeholder = "", help, initial }]) => {
    const shown = typeof initial === "string" || Number.isFinite(initial);
    return [`  --${name} ${placeholder}`, shown ? `${help} (${initial})` : help];
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  console.log("Options:");
  for (const [left, right] of [...rows, ["  --help", "show this"]]) {
    console.log(left.padEnd(width) + right);
  }
  Deno.exit(0);
}
