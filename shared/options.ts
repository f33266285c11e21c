/**
 * The command lines of the scripts: the kinds of options, and one line for a wrong one.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** An option of a script: how it is read, and its value without it. */
export interface Option<Value> {
  /** What the help shows in place of the value; undefined for a switch. */
  placeholder?: string;
  /** What the option is for, in a few words. */
  help: string;
  /** Its value unless it is given. */
  initial: Value;
  /** Reads the value; throws an error whose message ends the sentence "--port takes …". */
  parse(text: string): Value;
}

/** Options by name, in camelCase: `idleTime` is `--idle-time`. */
// deno-lint-ignore no-explicit-any -- options of different types stand side by side
export type Options = Record<string, Option<any>>;

/** The values of the options of a script. */
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

/** A switch: given or not. */
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

/**
 * Reads this script's command line. `--help` prints the options and exits with 0; a wrong option is
 * one line on stderr and exit code 2.
 */
export function parseOptions<Names extends Options>(options: Names): Values<Names> {
  const given = parseGiven(options);
  if (given.help) {
    console.log(help(options));
    Deno.exit(0);
  }
  const values: Record<string, unknown> = {};
  for (const [name, { initial, parse }] of Object.entries(options)) {
    const word = given[kebab(name)];
    try {
      values[name] = word === undefined ? initial : parse(String(word));
    } catch (error) {
      refuse(`--${kebab(name)} takes ${(error as Error).message}`);
    }
  }
  return values as Values<Names>;
}

function parseGiven(options: Options): Record<string, unknown> {
  const known = Object.entries(options).map(([name, { placeholder }]) =>
    [kebab(name), { type: placeholder === undefined ? "boolean" : "string" }] as const
  );
  try {
    const help = { type: "boolean", short: "h" } as const;
    return parseArgs({ options: { ...Object.fromEntries(known), help } }).values;
  } catch (error) {
    return refuse(firstSentence(error as Error));
  }
}

/** What is wrong with a command line; Node's messages go on to explain what else it may contain. */
export function firstSentence({ message }: Error): string {
  return message.split(/\.(?: |\n|$)|\n/)[0];
}

function help(options: Options): string {
  const rows = Object.entries(options).map(([name, { placeholder, help, initial }]) => [
    `  --${kebab(name)} ${placeholder ?? ""}`,
    isShown(initial) ? `${help} (${initial})` : help,
  ]);
  rows.push(["  --help", "show this"]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return ["Options:", ...rows.map(([left, right]) => left.padEnd(width) + right)].join("\n");
}

function isShown(initial: unknown): boolean {
  return typeof initial === "string" && initial !== "" || Number.isFinite(initial);
}

/** Ends the program because of a wrong command line: with one line on stderr, and exit code 2. */
export function refuse(reason: string): never {
  console.error(`${reason} (--help shows the options)`);
  Deno.exit(2);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
