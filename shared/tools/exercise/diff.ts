/**
 * The difference between two texts, in the unified format that patch(1) reads.
 *
 * @module
 */

import { diff } from "node:util";

/** How many lines are shown around each change. */
const CONTEXT = 3;

/** A line, and whether it is in both texts, or only in one of them. */
interface Line {
  mark: " " | "-" | "+";
  text: string;
}

/** The lines of a unified diff from one text to another; none if they are equal. */
export function unifiedDiff(before: string, after: string, name: string): string[] {
  const [from, to] = [before, after].map((text) => text.split("\n"));
  const marks = { "1": "-", "0": " ", "-1": "+" } as const;
  const lines = diff(from, to).map(([side, text]): Line => ({ mark: marks[side], text }));
  const output = [`--- ${name}`, `+++ ${name}`];
  for (const [begin, end] of hunksOf(lines)) {
    const hunk = lines.slice(begin, end);
    const count = (mark: Line["mark"], lines: Line[]) =>
      lines.filter((line) => line.mark === " " || line.mark === mark).length;
    const position = (mark: "-" | "+") =>
      `${mark}${count(mark, lines.slice(0, begin)) + 1},${count(mark, hunk)}`;
    output.push(`@@ ${position("-")} ${position("+")} @@`);
    output.push(...hunk.map(({ mark, text }) => mark + text));
  }
  return output.length === 2 ? [] : output;
}

/** Where the changes are, with their context; those whose context meets are one. */
function hunksOf(lines: Line[]): [begin: number, end: number][] {
  const hunks: [number, number][] = [];
  lines.forEach(({ mark }, i) => {
    if (mark === " ") return;
    const [begin, end] = [Math.max(0, i - CONTEXT), Math.min(lines.length, i + CONTEXT + 1)];
    const last = hunks.at(-1);
    if (last !== undefined && begin <= last[1]) last[1] = end;
    else hunks.push([begin, end]);
  });
  return hunks;
}
