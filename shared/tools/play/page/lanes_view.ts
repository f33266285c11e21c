/**
 * The lanes: what each thread, coroutine, operation and client did when, with a small map of the
 * whole run above, and an arrow from what a client did to the call that it woke.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import type { State } from "../../lesson/lanes.ts";
import type { Model } from "../model.ts";
import type { Row, Rows } from "../rows.ts";
import { milliseconds } from "../sentence.ts";
import { lastAt } from "../series.ts";
import type { Wake } from "../wakes.ts";
import { color, fitted, make, widthOf } from "./dom.ts";

/** What is drawn over the others, however short it was. */
const MARKS = new Set<State>(["copying", "computing", "polling", "submitted", "completed"]);

const MEANINGS: [state: State, meaning: string][] = [
  ["queued", "connected, but not accepted"],
  ["waiting", "waits"],
  ["polling", "polls (EAGAIN)"],
  ["copying", "receives or sends"],
  ["computing", "other work"],
  ["kernel", "the kernel has it"],
  ["submitted", "handed over"],
  ["completed", "completed"],
  ["idle", "idle"],
];

const FONT = "12px system-ui, sans-serif";
const MAP = 22;
const AXIS = 20;
const HEIGHT = 18;
const CROWD = 46;

/** The segments of a row as numbers, which are gone through quickly: there may be 100,000. */
interface Strip {
  states: Uint8Array; // as indices of MEANINGS
  starts: Float64Array;
  ends: Float64Array;
}

const STATES = MEANINGS.map(([state]) => state);
const WAITING = STATES.indexOf("waiting");
/** How wide a segment is drawn at least, in pixels. */
const LEAST = STATES.map((state) => MARKS.has(state) ? 1.5 : 0.75);
/** In which order the states are drawn. */
const ORDER = [...STATES.keys()].sort((a, b) => LEAST[a] - LEAST[b]);

/** The part of the time that is shown, in microseconds. */
export interface Span {
  /** Its beginning. */
  from: number;
  /** Its end. */
  to: number;
}

/** What somebody does with the pointer. */
export interface Handlers {
  /** Goes to a time. */
  seek(time: number): void;
  /** Shows another part of the time. */
  zoom(span: Span): void;
}

/** The panel of the lanes. */
export class LanesView {
  /** All of it. */
  readonly element: HTMLElement = make("section", "time");
  readonly #canvas = make("canvas", "lanes");
  readonly #model: Model;
  readonly #rows: Rows;
  readonly #wakes: readonly Wake[];
  readonly #wakeTimes: number[];
  readonly #handlers: Handlers;
  readonly #tops: number[] = [];
  readonly #strips: Strip[];
  readonly #map = make("canvas"); // not on the page: the whole run, which is drawn once,
  readonly #still = make("canvas"); // and what is shown of it, drawn when that changes
  readonly #height: number;
  #span: Span = { from: 0, to: 1 };
  #end = 1; // of the longest run that is shown

  /** The lanes of a run. */
  constructor(model: Model, rows: Rows, wakes: readonly Wake[], handlers: Handlers) {
    this.#model = model;
    this.#rows = rows;
    this.#wakes = wakes;
    this.#wakeTimes = wakes.map(({ to }) => to);
    this.#handlers = handlers;
    this.#strips = rows.rows.map(stripOf);
    let top = MAP + AXIS;
    for (const { crowd } of rows.rows) {
      this.#tops.push(top);
      top += crowd === undefined ? HEIGHT : CROWD;
    }
    this.#height = top + 4;
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", "What each thread and client did when");
    this.element.append(this.#canvas, this.#legend());
    this.#listen();
  }

  #legend(): HTMLElement {
    const legend = make("div", "legend");
    for (const [index, [state, meaning]] of MEANINGS.entries()) {
      const isSeen = this.#strips.some(({ states }) => states.includes(index)) ||
        this.#rows.rows.some(({ crowd }) => crowd?.states.includes(state));
      if (!isSeen) continue;
      const [entry, mark] = [make("span"), make("i")];
      mark.style.background = `var(--${state})`;
      entry.append(mark, meaning);
      legend.append(entry);
    }
    return legend;
  }

  #listen(): void {
    let drags: "map" | "lanes" | undefined;
    this.#canvas.addEventListener("pointerdown", (event) => {
      drags = event.offsetY < MAP ? "map" : "lanes";
      this.#canvas.setPointerCapture(event.pointerId);
      this.#drag(drags, event.offsetX);
    });
    this.#canvas.addEventListener("pointermove", (event) => {
      if (drags !== undefined) this.#drag(drags, event.offsetX);
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      this.#canvas.addEventListener(end, () => drags = undefined);
    }
    this.#canvas.addEventListener("wheel", (event) => {
      const { from, to } = this.#span;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        const move = (event.deltaX || event.deltaY) / widthOf(this.#canvas) * (to - from);
        this.#handlers.zoom({ from: from + move, to: to + move });
      } else if (event.ctrlKey || event.metaKey || event.altKey) {
        const factor = Math.exp(event.deltaY / 300);
        const at = this.#timeAt(event.offsetX);
        this.#handlers.zoom({ from: at - (at - from) * factor, to: at + (to - at) * factor });
      } else return; // the page scrolls
      event.preventDefault();
    }, { passive: false });
  }

  #drag(what: "map" | "lanes", x: number): void {
    const { from, to } = this.#span;
    if (what === "lanes") return this.#handlers.seek(this.#timeAt(x));
    const middle = (x - this.#names) / (widthOf(this.#canvas) - this.#names) * this.#end;
    const half = (to - from) / 2;
    if (half < this.#end / 2) this.#handlers.zoom({ from: middle - half, to: middle + half });
    this.#handlers.seek(middle);
  }

  get #names(): number {
    return widthOf(this.#canvas) < 600 ? 84 : 124;
  }

  #timeAt(x: number): number {
    const { from, to } = this.#span;
    return from + (x - this.#names) / (widthOf(this.#canvas) - this.#names) * (to - from);
  }

  /** Draws a part of the time, with a line at one; `end` is that of the longest run shown. */
  render(time: number, span: Span, end: number): void {
    this.#span = span;
    this.#end = end;
    const context = fitted(this.#canvas, this.#height);
    const [left, right] = [this.#names, widthOf(this.#canvas)];
    context.font = FONT;
    context.textBaseline = "middle";
    this.#drawMap(context, left, right, time);
    const size = [right, this.#height] as const;
    const key = `${span.from} ${span.to}`;
    redrawn(this.#still, key, ...size, (own) => this.#drawStill(own, left, right));
    context.drawImage(this.#still, 0, 0, ...size);
    this.#arrows(context, time, left, right);
    const x = left + (time - span.from) / (span.to - span.from) * (right - left);
    if (x < left - 1 || x > right) return;
    context.fillStyle = color("accent");
    context.fillRect(x - 0.75, MAP, 1.5, this.#height - MAP);
    context.beginPath();
    context.moveTo(x - 5, MAP);
    context.lineTo(x + 5, MAP);
    context.lineTo(x, MAP + 7);
    context.fill();
  }

  /** All that depends on the span alone. */
  #drawStill(context: CanvasRenderingContext2D, left: number, right: number): void {
    context.font = FONT;
    context.textBaseline = "middle";
    this.#axis(context, left, right);
    this.#rows.rows.forEach((row, i) => {
      const top = this.#tops[i];
      const height = row.crowd === undefined ? HEIGHT : CROWD;
      context.fillStyle = color("text");
      const name = `${"  ".repeat(row.depth)}${row.name}`;
      context.fillText(name, 2, top + height / 2, left - 8);
      if (row.crowd === undefined) this.#lane(context, i, top, left, right);
      else this.#crowd(context, row.crowd, top, left, right);
    });
  }

  /** The whole run, and which part of it is shown. */
  #drawMap(context: CanvasRenderingContext2D, left: number, right: number, time: number): void {
    const { from, to } = this.#span;
    const end = this.#end;
    const scale = (right - left) / end;
    redrawn(this.#map, String(end), right - left, MAP - 10, (own) => {
      const [first] = this.#strips;
      if (first) drawStrip(own, first, { from: 0, to: end }, 0, MAP - 10, 0, right - left);
    });
    context.drawImage(this.#map, left, 4, right - left, MAP - 10);
    context.strokeStyle = color("quiet");
    context.lineWidth = 1.5;
    const width = Math.max(3, Math.min(end, to) * scale - Math.max(0, from) * scale);
    context.strokeRect(left + Math.max(0, from) * scale + 0.75, 1.5, width - 1.5, MAP - 5);
    context.fillStyle = color("accent");
    context.fillRect(left + time * scale - 0.75, 0, 1.5, MAP - 3);
  }

  #axis(context: CanvasRenderingContext2D, left: number, right: number): void {
    const { from, to } = this.#span;
    const least = (to - from) / Math.max(2, (right - left) / 110);
    const power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least)!;
    context.textAlign = "center";
    for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) {
      const x = left + (tick - from) / (to - from) * (right - left);
      context.fillStyle = color("line");
      context.fillRect(x, MAP + AXIS - 3, 1, this.#height);
      if (x < left + 20 || x > right - 26) continue;
      context.fillStyle = color("quiet");
      context.fillText(milliseconds(tick), x, MAP + AXIS / 2 + 1);
    }
    context.textAlign = "left";
  }

  #lane(
    context: CanvasRenderingContext2D,
    index: number,
    top: number,
    left: number,
    right: number,
  ): void {
    const strip = this.#strips[index];
    const { segments } = this.#rows.rows[index];
    drawStrip(context, strip, this.#span, top + 2, HEIGHT - 4, left, right);
    const { from, to } = this.#span;
    const scale = (right - left) / (to - from);
    context.fillStyle = color("text");
    // The names of calls that waited, where there is room for them.
    const { states, starts, ends } = strip;
    for (let i = firstIn(starts, from); i < starts.length && starts[i] <= to; i++) {
      if (states[i] !== WAITING || (ends[i] - starts[i]) * scale < 40 || ends[i] < from) continue;
      const { call } = segments[i];
      const a = Math.max(left, left + (starts[i] - from) * scale);
      const b = Math.min(right, left + (ends[i] - from) * scale);
      if (call && b - a > 8 * call.length) context.fillText(call, a + 5, top + HEIGHT / 2 + 0.5);
    }
  }

  #crowd(
    context: CanvasRenderingContext2D,
    { states, counts, most }: NonNullable<Row["crowd"]>,
    top: number,
    left: number,
    right: number,
  ): void {
    const { from, to } = this.#span;
    const parts = counts[0].length - 1;
    for (let x = left; x < right; x++) {
      const time = from + (x - left) / (right - left) * (to - from);
      const part = Math.floor(time / this.#model.end * parts);
      if (part < 0 || part >= parts) continue;
      let bottom = top + CROWD - 3;
      states.forEach((state, i) => {
        const height = counts[i][part] / most * (CROWD - 5);
        if (height <= 0) return;
        context.fillStyle = color(state);
        context.fillRect(x, bottom - height, 1, height);
        bottom -= height;
      });
    }
  }

  /** The arrows that end in what is shown, the one before the time in full colour. */
  #arrows(context: CanvasRenderingContext2D, time: number, left: number, right: number): void {
    const { from, to } = this.#span;
    const scale = (right - left) / (to - from);
    const last = lastAt(this.#wakeTimes, time);
    const first = Math.max(lastAt(this.#wakeTimes, from) + 1, last - 12);
    const until = Math.min(lastAt(this.#wakeTimes, to), last + 12);
    for (let i = first; i <= until; i++) {
      const { connection, from: begin, thread, to: end } = this.#wakes[i];
      const [client, woken] = [
        this.#rows.indexOf("client", connection.name),
        this.#rows.indexOf("thread", thread.name),
      ];
      if (client === -1 || woken === -1) continue;
      const [x1, x2] = [left + (begin - from) * scale, left + (end - from) * scale];
      const [y1, y2] = [this.#tops[client] + 3, this.#tops[woken] + HEIGHT - 2];
      context.globalAlpha = i === last ? 1 : 0.25;
      context.strokeStyle = context.fillStyle = color("text");
      context.lineWidth = 1.25;
      context.beginPath();
      context.moveTo(x1, y1);
      context.bezierCurveTo(x1, (y1 + y2) / 2, x2, (y1 + y2) / 2, x2, y2 + 5);
      context.stroke();
      context.beginPath();
      context.moveTo(x2 - 3.5, y2 + 6);
      context.lineTo(x2 + 3.5, y2 + 6);
      context.lineTo(x2, y2);
      context.fill();
    }
    context.globalAlpha = 1;
  }
}

/** Draws on a canvas that is not on the page, unless it shows the same already. */
function redrawn(
  canvas: HTMLCanvasElement,
  what: string,
  width: number,
  height: number,
  draw: (context: CanvasRenderingContext2D) => void,
): void {
  const key = [what, width, height, devicePixelRatio, color("page")].join(" ");
  if (canvas.title === key) return;
  canvas.title = key;
  canvas.width = width * devicePixelRatio; // which also clears it
  canvas.height = height * devicePixelRatio;
  const context = canvas.getContext("2d")!;
  context.scale(devicePixelRatio, devicePixelRatio);
  draw(context);
}

function stripOf({ segments }: Row): Strip {
  const { length } = segments;
  const strip = {
    states: new Uint8Array(length),
    starts: new Float64Array(length),
    ends: new Float64Array(length),
  };
  for (let i = 0; i < length; i++) {
    const { state, start, end } = segments[i];
    strip.states[i] = STATES.indexOf(state);
    strip.starts[i] = start;
    strip.ends[i] = end;
  }
  return strip;
}

/** Draws what lies in a span: what is a background first, and over it what is a mark. */
function drawStrip(
  context: CanvasRenderingContext2D,
  { states, starts, ends }: Strip,
  { from, to }: Span,
  top: number,
  height: number,
  left: number,
  right: number,
): void {
  const scale = (right - left) / (to - from);
  const boxes = LEAST.map((least) => ({ least, lefts: [] as number[], rights: [left - least] }));
  for (let i = firstIn(starts, from); i < starts.length && starts[i] <= to; i++) {
    if (ends[i] < from) continue;
    const { least, lefts, rights } = boxes[states[i]];
    const a = Math.max(left, left + (starts[i] - from) * scale);
    const b = Math.max(a + least, Math.min(right, left + (ends[i] - from) * scale));
    if (b <= rights[lefts.length] + 0.5) continue; // so that no pixel is drawn twice
    lefts.push(a);
    rights.push(b);
  }
  for (const state of ORDER) {
    const { lefts, rights } = boxes[state];
    context.fillStyle = color(STATES[state]);
    lefts.forEach((a, i) => context.fillRect(a, top, rights[i + 1] - a, height));
  }
}

/** The index of the first segment that may lie in a span: one from before may last into it. */
function firstIn(starts: Float64Array, from: number): number {
  return Math.max(0, lastAt(starts, from) - 3); // what overlaps comes in pairs
}
