/**
 * How every experiment ends: the claim, what was measured, the verdict, and the source.
 *
 * @module
 */

import { claims } from "./claims.ts";

/** A judgement and its reason; the last kind where the machine lacks what the experiment needs. */
export type Verdict =
  | `true: ${string}`
  | `false: ${string}`
  | `it depends on ${string}`
  | `not measured: ${string}`;

/** Prints an experiment's result. */
export function conclude(id: string, measured: string[], verdict: Verdict): void {
  const { claim, source } = claims.find((claim) => claim.id === id)!;
  console.log(`${id} · ${claim}`);
  const rows = [...measured.map((line) => ["measured", line]), ["verdict", verdict]];
  rows.push(["source", source]);
  const lines = rows.flatMap(([name, text]) => wrapped(text).map((line) => [name, line]));
  lines.forEach(([name, line], i) => {
    console.log(`  ${(name === lines[i - 1]?.[0] ? "" : name).padEnd(9)} ${line}`);
  });
}

/** Splits a text into lines that fit beside the row's name and the runner's prefix. */
function wrapped(text: string): string[] {
  return text.match(/.{1,80}(?: |$)/g)!.map((line) => line.trimEnd());
}

/** Finds the verdict in what an experiment has printed. */
export function verdictOf(output: string): string | undefined {
  return /^ {2}verdict {3}([^]+?)\n {2}source/m.exec(output)?.[1].replaceAll(/\n +/g, " ");
}
