/**
 * A timeline for the terminal. Each state has a character of its own, so that it can be read
 * without colours.
 *
 * @module
 */

import { styleText } from "node:util";
import { wrapped } from "../process/terminal.ts";
import { type Column, columnsOf, labelsOf, MEANINGS, statesIn, ticksOf } from "./columns.ts";
import type { State } from "./lanes.ts";
import type { Timeline } from "./timeline.ts";

/** The characters of each state, for a small share of a column and for a large one. */
const CHARACTERS: Record<State, [little: string, much: string]> = {
  queued: ["▒", "▒"],
  waiting: ["░", "░"],
  polling: ["▓", "▓"],
  copying: ["│", "┃"],
  computing: ["▂", "▆"],
  kernel: ["═", "═"],
  submitted: [">", ">"],
  completed: ["◆", "◆"],
  idle: ["·", "·"],
};

const COLOURS = {
  queued: "cyan",
  waiting: "blue",
  polling: "red",
  copying: "green",
  computing: "yellow",
  kernel: "magenta",
  submitted: "magentaBright",
  completed: "magentaBright",
  idle: "gray",
} as const;

/** The lines of a timeline that is `width` characters wide. */
export function timelineText(timeline: Timeline, width: number): string[] {
  const { lanes, length, more } = timeline;
  const names = Math.max(...lanes.map(({ name }) => name.length)) + 2;
  const count = Math.max(20, width - names - 1);
  const perColumn = length / count;
  const rows = lanes.map((lane) => {
    const cells = columnsOf(lane, length, count).map(cellOf);
    // The name of a call is written over its wait, and hides nothing but the wait.
    for (const { start, end, call = "" } of labelsOf(lane, perColumn * 12)) {
      const at = Math.floor(start / perColumn) + 2;
      const hidden = cells.slice(at, at + call.length);
      const fits = end / perColumn - at > call.length + 1;
      if (!fits || hidden.some(({ state }) => state !== "waiting")) continue;
      hidden.forEach((cell, i) => cell.text = call[i]);
    }
    return lane.name.padEnd(names) + paint(cells);
  });
  const legend = statesIn(timeline).map((state) =>
    `${paint([{ state, text: CHARACTERS[state][1] }])} ${MEANINGS[state]}`
  );
  return [
    ...rows,
    ...more.map((text) => `${"".padEnd(names)}and ${text}`),
    "".padEnd(names) + axis(length, count),
    ...wrapped(legend, width, "  "),
    `One column = ${number(perColumn)} ms. Work shorter than that is still drawn.`,
  ];
}

interface Cell {
  state?: State;
  text: string;
}

function cellOf({ background, mark, level }: Column): Cell {
  const state = mark ?? background;
  if (state === undefined) return { text: " " };
  return { state, text: CHARACTERS[state][level > 4 ? 1 : 0] };
}

function paint(cells: Cell[]): string {
  let line = "";
  for (let i = 0; i < cells.length;) {
    const { state } = cells[i];
    let text = "";
    while (i < cells.length && cells[i].state === state) text += cells[i++].text;
    line += state === undefined ? text : styleText(COLOURS[state], text);
  }
  return line.trimEnd();
}

function axis(length: number, count: number): string {
  let line = "";
  for (const tick of ticksOf(length, Math.max(2, Math.floor(count / 12)))) {
    const text = tick === 0 ? "0 ms" : number(tick);
    // The last one ends where the lanes end, if there is no room to the right.
    const at = Math.min(Math.floor(tick / length * count), count - text.length);
    line = line.padEnd(at) + text;
  }
  return line;
}

/** A number with as many digits as say something. */
function number(value: number): string {
  return Number(value.toPrecision(2)) < 10
    ? String(Number(value.toPrecision(2)))
    : Math.round(value).toLocaleString("en");
}
