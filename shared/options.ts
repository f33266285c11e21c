/**
 * The command lines of the scripts: the kinds of options, and one line for a wrong one.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { isIPv4 } from "./linux/address.ts";

/** An option of a script. A switch is a boolean, and the others take a string. */
export type Option<Value> = {
  type: "boolean" | "string";
  initial: Value; // unless it is given
  help: string; // what it is for, in a few words
  placeholder?: string; // what the help shows in place of a string
  takes: string; // the end of the sentence "--port takes …"
  parse(text: string): Value | undefined; // undefined for what it does not take
};

/** Options by name. */
export type Options = Record<string, Option<unknown>>;

/** The values of the options of a script. */
export type Values<Names extends Options> = { [Name in keyof Names]: Names[Name]["initial"] };

/** A whole number from `least` to `most`. */
export function number(initial: number, help: string, least = 0, most = 1e9): Option<number> {
  const takes = `a whole number from ${least} to ${most}`;
  function parse(text: string): number | undefined {
    if (/^\d+$/.test(text) && +text >= least && +text <= most) return Number(text);
  }
  return { type: "string", initial, help, placeholder: "N", takes, parse };
}

/** Any text that is not empty. */
export function text(initial: string, help: string): Option<string> {
  const takes = "a text that is not empty";
  const parse = (text: string) => text === "" ? undefined : text;
  return { type: "string", initial, help, placeholder: "TEXT", takes, parse };
}

/** A switch: given or not. */
export function flag(help: string): Option<boolean> {
  return { type: "boolean", initial: false, help, takes: "nothing", parse: () => true };
}

/** Where a server listens: a numeric IPv4 address. */
export const HOST: Option<string> = {
  type: "string",
  initial: "127.0.0.1",
  help: "numeric IPv4 address",
  placeholder: "ADDRESS",
  takes: "a numeric IPv4 address such as 127.0.0.1",
  parse: (text) => isIPv4(text) ? text : undefined,
};

/**
 * Reads this script's command line. `--help` prints the options and exits with 0; a wrong option is
 * one line on stderr and exit code 2.
 */
export function parseOptions<Names extends Options>(options: Names): Values<Names> {
  const help = { type: "boolean", short: "h" } as const;
  let given: Record<string, unknown> = {};
  try {
    given = parseArgs({ options: { ...options, help } }).values;
  } catch (error) {
    refuse(error as Error);
  }
  if (given.help) printHelp(options);
  const values = Object.entries(options).map(([name, { initial, takes, parse }]) => {
    const value = name in given ? parse(String(given[name])) : initial;
    return [name, value ?? refuse(`--${name} takes ${takes}, not "${given[name]}"`)];
  });
  return Object.fromEntries(values);
}

/** Ends the program because of a wrong command line: with one line on stderr, and exit code 2. */
export function refuse(reason: string | Error): never {
  // Node's messages go on to explain what else a command line may contain.
  const text = typeof reason === "string" ? reason : reason.message.split(/\.(?: |\n|$)|\n/)[0];
  console.error(`${text} (--help shows the options)`);
  Deno.exit(2);
}

function printHelp(options: Options): never {
  const rows = Object.entries(options).map(([name, { placeholder = "", help, initial }]) => {
    const shown = typeof initial === "string" ? initial !== "" : Number.isFinite(initial);
    return [`  --${name} ${placeholder}`, shown ? `${help} (${initial})` : help];
  });
  rows.push(["  --help", "show this"]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  console.log("Options:");
  for (const [left, right] of rows) console.log(left.padEnd(width) + right);
  Deno.exit(0);
}
