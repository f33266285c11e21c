/**
 * The options of a mixed cast of clients: so many of each kind. What each of them does depends on
 * what its server speaks.
 *
 * @module
 */

import { number, type Option } from "./options.ts";

/** The kinds of clients. */
export const ROLES = ["normal", "silent", "slow", "greedy", "rude"] as const;

/** A kind of client. */
export type Role = typeof ROLES[number];

/** The roles in their order, one for each client: `silent:2,normal:1` is three of them. */
const cast: Option<readonly Role[]> = {
  type: "string",
  initial: parseCast("silent:2,slow:1,greedy:1,normal:6")!,
  help: `how many clients of each kind: ${ROLES.join(", ")}`,
  placeholder: "KIND:N,…",
  takes: `numbers of ${ROLES.join(", ")}, such as silent:2,normal:6, at most 1,000 in all`,
  parse: parseCast,
};

/** The options. */
export const castOptions = {
  cast,
  pause: number(1000, "for how long they are silent, slow or busy, in milliseconds"),
};

/** What a client is called: the first one is number 1. */
export function nameOf(role: Role, number: number): string {
  return `client ${number} (${role})`;
}

function parseCast(text: string): Role[] | undefined {
  const cast: Role[] = [];
  for (const part of text.split(",")) {
    const [, name, count] = /^(\w+):(\d{1,4})$/.exec(part) ?? [];
    const role = ROLES.find((role) => role === name);
    if (role === undefined) return undefined;
    cast.push(...Array(Number(count)).fill(role));
  }
  return cast.length > 0 && cast.length <= 1000 ? cast : undefined;
}
