/**
 * A timeline as a picture, for light and dark pages.
 *
 * @module
 */

import { columnsOf, labelsOf, MEANINGS, statesIn, ticksOf } from "./columns.ts";
import type { Lane, Segment, State } from "./lanes.ts";
import type { Timeline } from "./timeline.ts";

const WIDTH = 880;
const MARGIN = 16;
const NAMES = 96; // room for the lanes' names
const COLUMN = 2; // the width of a column
const COUNT = (WIDTH - 2 * MARGIN - NAMES) / COLUMN;
const HEIGHT = 22; // of a lane
const GAP = 6;
const HEAD = 64;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .quiet { fill: #59636e; }
  .page { fill: #ffffff; stroke: #d1d9e0; }
  .grid { stroke: #d1d9e0; }
  .queued { fill: #f5c6a5; }
  .waiting { fill: #c6dcf5; }
  .polling { fill: #d1242f; }
  .copying { fill: #1a7f37; }
  .computing { fill: #bf8700; }
  .kernel { fill: #e6d8fa; }
  .submitted { fill: #c297ff; }
  .completed { fill: #6e40c9; }
  .idle { fill: #c8cfd6; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .page { fill: #0d1117; stroke: #3d444d; }
    .grid { stroke: #3d444d; }
    .queued { fill: #7a4420; }
    .waiting { fill: #1f3f66; }
    .polling { fill: #f85149; }
    .copying { fill: #3fb950; }
    .computing { fill: #d29922; }
    .kernel { fill: #3c2a5c; }
    .submitted { fill: #8957e5; }
    .completed { fill: #d2a8ff; }
    .idle { fill: #4a525b; }
  }`;

const LEFT = MARGIN + NAMES; // where the time begins
const LEGEND_COLUMNS = 3;

/** The picture, as the text of an SVG file. */
export function timelineSvg(timeline: Timeline): string {
  const { title, costs, length, lanes, more } = timeline;
  const bottom = HEAD + lanes.length * (HEIGHT + GAP);
  const states = statesIn(timeline);
  const legend = bottom + 28 + 18 * more.length;
  const note = legend + 22 * Math.ceil(states.length / LEGEND_COLUMNS) + 14;
  const height = note + 12;
  const size = `viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`;
  const perColumn = Number((length / COUNT).toPrecision(2));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-labelledby="title desc">`,
    `<title id="title">${escape(title)}</title>`,
    `<desc id="desc">${escape(description(timeline))}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" x=".5" y=".5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    text(title, MARGIN, 26, "title"),
    text(costs, MARGIN, 44, "costs quiet"),
    ...ticksOf(length, 8).map((tick) => tickAt(tick, xOf(tick, length), bottom)),
    ...lanes.map((lane, i) => drawLane(lane, length, HEAD + i * (HEIGHT + GAP))),
    ...more.map((what, i) => text(`and ${what}`, LEFT, bottom + 32 + 18 * i, "quiet")),
    `<g class="legend">`,
    ...states.map((state, i) => explain(state, i, legend)),
    text(
      `One column = ${perColumn} ms. A mark is as high as its share of that time was work; ` +
        `shorter work is still drawn.`,
      LEFT,
      note,
      "quiet",
    ),
    `</g>\n</svg>\n`,
  ].join("\n");
}

function text(content: string, x: number, y: number, style = "", anchor = ""): string {
  const attributes = [["class", style], ["text-anchor", anchor]]
    .map(([name, value]) => value && ` ${name}="${value}"`).join("");
  return `<text x="${x}" y="${y}"${attributes}>${escape(content)}</text>`;
}

function xOf(time: number, length: number): number {
  return round(LEFT + time / length * COUNT * COLUMN);
}

function tickAt(tick: number, x: number, bottom: number): string {
  const label = `${tick.toLocaleString("en")}${tick === 0 ? " ms" : ""}`;
  return `<path class="grid" d="M${x} ${HEAD - 6}V${bottom}"/>` +
    text(label, x, bottom + 14, "quiet", "middle");
}

function drawLane(lane: Lane, length: number, top: number): string {
  const wide = 110 * length / (COUNT * COLUMN);
  return [
    `<g class="lane"><title>${escape(lane.name)}</title>`,
    text(lane.name, LEFT - 8, top + 15, "", "end"),
    paths(columnsOf(lane, length, COUNT), top),
    ...labelsOf(lane, wide).map(({ start, call = "" }) =>
      text(call, xOf(start, length) + 8, top + 15)
    ),
    `</g>`,
  ].join("");
}

function explain(state: State, place: number, top: number): string {
  const x = LEFT + place % LEGEND_COLUMNS * 240;
  const y = top + 22 * Math.floor(place / LEGEND_COLUMNS);
  return `<rect class="${state}" x="${x}" y="${y}" width="14" height="14"/>` +
    text(MEANINGS[state], x + 20, y + 12);
}

type Columns = ReturnType<typeof columnsOf>;

/** A path for each state: the backgrounds of the columns, and the marks in front of them. */
function paths(columns: Columns, top: number): string {
  const drawn = new Map<State, string>();
  function draw(state: State | undefined, from: number, to: number, y: number, height: number) {
    if (state === undefined) return;
    const path = `M${LEFT + from * COLUMN} ${round(y)}h${(to - from) * COLUMN}v${round(height)}` +
      `h${(from - to) * COLUMN}z`;
    drawn.set(state, (drawn.get(state) ?? "") + path);
  }
  eachRun(columns, ({ background }) => background ?? "", (from, to) => {
    const { background } = columns[from];
    if (background === "idle") draw(background, from, to, top + HEIGHT / 2 - 1, 2);
    else draw(background, from, to, top, HEIGHT);
  });
  eachRun(columns, ({ mark, level }) => `${mark}${level}`, (from, to) => {
    const { mark, level } = columns[from];
    // A moment has no share of the time. The mark of the smallest share is still visible.
    const moment = mark === "submitted" || mark === "completed";
    const height = moment ? HEIGHT : HEIGHT * (0.3 + (level - 1) / 7 * 0.7);
    draw(mark, from, to, top + HEIGHT - height, height);
  });
  return [...drawn].map(([state, path]) => `<path class="${state}" d="${path}"/>`).join("");
}

function eachRun(
  columns: Columns,
  keyOf: (column: Columns[number]) => string,
  draw: (from: number, to: number) => void,
) {
  for (let from = 0; from < columns.length;) {
    let to = from + 1;
    while (to < columns.length && keyOf(columns[to]) === keyOf(columns[from])) to++;
    draw(from, to);
    from = to;
  }
}

/** The picture in words, for screen readers. */
function description({ length, lanes, more, costs }: Timeline): string {
  const descriptions = lanes.map(({ name, segments }) => {
    const times = Map.groupBy(segments, ({ state }) => state);
    const shares = [...times].map(([state, own]) => ({
      state,
      share: Math.round(100 * covered(own) / length),
    })).filter(({ share }) => share > 0).sort((a, b) => b.share - a.share);
    return `${name}: ${
      shares.map(({ state, share }) => `${MEANINGS[state]} ${share} %`).join(", ") || "moments"
    }`;
  });
  return `${Math.round(length)} ms. ${[...descriptions, ...more].join(". ")}. ${costs}.`;
}

/** How long at least one of the segments lasts: those of polling overlap, as calls take turns. */
function covered(segments: Segment[]): number {
  let [time, last] = [0, -Infinity];
  for (const { start, end } of segments.toSorted((a, b) => a.start - b.start)) {
    time += Math.max(0, end - Math.max(start, last));
    last = Math.max(last, end);
  }
  return time;
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
