/**
 * The command lines of the scripts: kinds of options, and how a wrong one is told. What all servers
 * and all clients have in common stands in `server.ts` and `client.ts`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { STDERR } from "./tools/trace/events.ts";

/** An option of a script: how to read it, and what it is without it. */
export interface Option<Value> {
  /** What stands for the value in the help; undefined for a switch. */
  placeholder?: string;
  /** What it is if it is given without a value, which then can only follow behind a `=`. */
  bare?: Value;
  /** What the option is for, in a few words. */
  help: string;
  /** What it is unless given. */
  initial: Value;
  /** Reads it; throws an error whose message ends the sentence "--port takes …". */
  parse(text: string): Value;
}

/** Options by name, in camelCase; `--edge-triggered` is `edgeTriggered`. */
// deno-lint-ignore no-explicit-any -- options of different types stand side by side
export type Options = Record<string, Option<any>>;

/** What the options of a script have been set to. */
export type Values<Names extends Options> = {
  [Name in keyof Names]: Names[Name] extends Option<infer Value> ? Value : never;
};

/** A whole number from `least` to `most`. */
export function number(initial: number, help: string, least = 0, most = 1e9): Option<number> {
  return {
    placeholder: "N",
    help,
    initial,
    parse(text) {
      const value = Number(text);
      if (!/^\d+$/.test(text) || value < least || value > most) {
        throw new Error(`a whole number from ${least} to ${most}, not "${text}"`);
      }
      return value;
    },
  };
}

/** Any text that is not empty. */
export function text(initial: string, help: string): Option<string> {
  return {
    placeholder: "TEXT",
    help,
    initial,
    parse(text) {
      if (text === "") throw new Error("a text that is not empty");
      return text;
    },
  };
}

/** One of several words. */
export function choice<Word extends string>(
  words: readonly Word[],
  initial: Word,
  help: string,
): Option<Word> {
  return {
    placeholder: words.join("|"),
    help,
    initial,
    parse(text) {
      const word = words.find((word) => word === text);
      if (word === undefined) throw new Error(`one of ${words.join(", ")}, not "${text}"`);
      return word;
    },
  };
}

/** A switch: there or not. */
export function flag(help: string): Option<boolean> {
  return { help, initial: false, parse: () => true };
}

/** Where a server listens: a numeric IPv4 address. */
export const HOST: Option<string> = {
  placeholder: "ADDRESS",
  help: "numeric IPv4 address",
  initial: "127.0.0.1",
  parse(text) {
    if (!/^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$/.test(text)) {
      throw new Error(`a numeric IPv4 address such as 127.0.0.1, not "${text}"`);
    }
    return text;
  },
};

/** Telling what a script does: on stderr, or in a file that Perfetto opens. */
export const TRACE: Option<string> = {
  placeholder: "FILE",
  bare: STDERR,
  help: "tell each call, on stderr or as Chrome trace events in this file",
  initial: "",
  parse(text) {
    if (text === "") throw new Error("the name of a file, or no =");
    return text;
  },
};

/**
 * Reads this script's command line. `--help` prints the options and exits with 0; a wrong option is
 * one line on stderr and exit code 2.
 */
export function parseOptions<Names extends Options>(options: Names): Values<Names> {
  const given: Record<string, unknown> = parseGiven(options);
  if (given.help) {
    console.log(help(options));
    Deno.exit(0);
  }
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const word = given[kebab(name)];
    try {
      values[name] = word === undefined ? option.initial : option.parse(String(word));
    } catch (error) {
      refuse(`--${kebab(name)} takes ${(error as Error).message}`);
    }
  }
  return values as Values<Names>;
}

function parseGiven(options: Options) {
  const known = Object.entries(options).map((
    [name, { placeholder }],
  ) => [kebab(name), { type: placeholder === undefined ? "boolean" as const : "string" as const }]);
  const bare = new Map(
    Object.entries(options).flatMap(([name, { bare }]) =>
      bare === undefined ? [] : [[`--${kebab(name)}`, bare]]
    ),
  );
  try {
    return parseArgs({
      // parseArgs knows no options whose value may be left out.
      args: Deno.args.map((arg) => bare.has(arg) ? `${arg}=${bare.get(arg)}` : arg),
      options: { ...Object.fromEntries(known), help: { type: "boolean", short: "h" } },
    }).values;
  } catch (error) {
    return refuse(firstSentence(error as Error));
  }
}

/** What is wrong with a command line: Node's messages go on to explain what else it may contain. */
export function firstSentence({ message }: Error): string {
  return message.split(/\.(?: |\n|$)|\n/)[0];
}

function help(options: Options): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const { placeholder, help, initial } = option;
    const value = option.bare === undefined ? ` ${placeholder}` : `[=${placeholder}]`;
    const left = `  --${kebab(name)}${placeholder === undefined ? "" : value}`;
    const noDefault = placeholder === undefined || initial === "" || initial === Infinity;
    return [left, noDefault ? help : `${help} (${initial})`];
  });
  rows.push(["  --help", "show this"]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return ["Options:", ...rows.map(([left, right]) => left.padEnd(width) + right)].join("\n");
}

function refuse(reason: string): never {
  console.error(`${reason} (--help shows the options)`);
  Deno.exit(2);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
