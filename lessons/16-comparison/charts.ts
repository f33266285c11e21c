/**
 * The results as pictures, with Vega-Lite.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix -- nothing but these charts may depend on a package
import * as vega from "npm:vega@6.4.0";
// deno-lint-ignore no-import-prefix
import { compile, type TopLevelSpec } from "npm:vega-lite@6.5.0";
import { writeUserFile } from "../../shared/tools/process/files.ts";
import { sizeName, TALKERS } from "./cells.ts";
import { REFERENCE } from "./contenders.ts";
import type { Report, Result } from "./report.ts";

/** The ways in which a server learns that there is something to do, and a colour for each. */
const WAYS = {
  "one client after the other": "#9c6b30",
  "a thread for each client": "#8250df",
  "scans all sockets": "#cf222e",
  "epoll reports": "#0969da",
  "io_uring completes": "#1a7f37",
  "C with epoll": "#000000",
  "C with io_uring": "#116329",
  "what people use instead": "#9aa0a6",
};

type Way = keyof typeof WAYS;

const WAY_OF: Record<string, Way> = {
  "00": "one client after the other",
  "01": "one client after the other",
  "02": "a thread for each client",
  "03": "scans all sockets",
  "04": "scans all sockets",
  "05": "scans all sockets",
  "06": "epoll reports",
  "07": "epoll reports",
  "08": "scans all sockets",
  "09": "io_uring completes",
  "13": "epoll reports",
  "14": "epoll reports",
  "15": "epoll reports",
  [REFERENCE]: "C with epoll",
  "C io_uring": "C with io_uring",
};

const COLOUR = {
  field: "way",
  type: "nominal",
  scale: { domain: Object.keys(WAYS), range: Object.values(WAYS) },
  legend: {
    title: null,
    orient: "bottom",
    columns: 4,
    labelLimit: 0,
    symbolType: "square",
    offset: 24,
  },
};

/** The size of a panel, and the room for a label, in pixels. */
const PANEL = { width: 300, height: 380 };
const LABEL = { width: 130, height: 13 };

/** A result in a chart. */
interface Point {
  server: string;
  way: Way;
  connections: number;
  cpu: number;
}

/** The end of a line, and the position of its name. */
interface End extends Point {
  label: number;
}

/** The files in which the charts for messages of a size are drawn. */
export function chartFiles(folder: string, size: number): { lines: string; bars: string } {
  const suffix = size === 64 ? "" : `-${sizeName(size).replace(" ", "-")}`;
  return { lines: `${folder}/connections${suffix}.svg`, bars: `${folder}/cpu${suffix}.svg` };
}

/**
 * Draws the charts of a report: `connections.svg`, the cost of a message over the number of
 * connections, and `cpu.svg`, that cost as bars. Messages of other sizes than 64 bytes have charts
 * of their own, `connections-SIZE.svg` and `cpu-SIZE.svg`.
 *
 * @param folder The folder for the files.
 */
export async function draw(report: Report, folder: string): Promise<void> {
  const drawn = report.results.filter(({ server }) => isModel(server));
  for (const [size, results] of Map.groupBy(drawn, ({ size }) => size)) {
    const files = chartFiles(folder, size);
    const costs = `What a message of ${sizeName(size)} costs`;
    const more = `${costs}, as there are more connections`;
    await write(files.lines, more, report, lines(results));
    await write(files.bars, `${costs} each server`, report, bars(results));
  }
}

/** Later lessons put the models to use on more than one core. The charts are about the models. */
function isModel(server: string): boolean {
  return !/^\d\d /.test(server) || server.slice(0, 2) in WAY_OF;
}

async function write(path: string, title: string, report: Report, panels: object[]) {
  const { cpu, kernel, deno, node, python } = report.machine;
  const where = [cpu, kernel, deno, node, python, report.date.slice(0, 10)].filter(Boolean);
  const spec = {
    background: "white",
    padding: 16,
    title: {
      text: title,
      subtitle: ["CPU time of the server, in microseconds", where.join(" · ")],
      anchor: "start",
      fontSize: 17,
      subtitleColor: "#57606a",
      offset: 16,
    },
    hconcat: panels,
    spacing: 30,
    config: { font: "sans-serif", view: { stroke: null }, axis: { gridColor: "#eaeef2" } },
  };
  const { spec: compiled } = compile(spec as TopLevelSpec);
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  const named = `<svg role="img" aria-label="${title}"`;
  writeUserFile(path, svg.replace("<svg", named) + "\n");
}

function lines(results: Result[]): object[] {
  const cpu = results.map(({ cpu }) => cpu.median);
  const domain: [number, number] = [Math.min(...cpu) / 1.2, Math.max(...cpu) * 1.2];
  const idle = results.filter(({ active, connections }) => active < connections);
  const active = results.filter(({ active, connections }) => active === connections);
  const all = [["all of them active", active], [`${TALKERS} of them active`, idle]] as const;
  return all.filter(([, results]) => results.length > 0)
    .map(([title, results]) => linesOf(title, results, domain));
}

function linesOf(
  title: string,
  results: readonly Result[],
  domain: [number, number],
): object {
  const points = results.map(pointOf);
  const counts = [...new Set(points.map(({ connections }) => connections))];
  const ends = [...Map.groupBy(points, ({ server }) => server).values()]
    .map((line) => line.toSorted((a, b) => a.connections - b.connections).at(-1)!);
  const most = Math.max(...counts);
  const y = logarithmic("cpu", domain);
  const x = {
    field: "connections",
    type: "quantitative",
    scale: { type: "log", domain: [Math.min(...counts, most / 10) / 1.15, most * 1.15] },
    axis: { values: counts, format: ",", title: `connections; ${title}`, grid: false },
  };
  const name = { field: "server", type: "nominal" };
  const atTheEdge = apart(ends.filter(({ connections }) => connections === most), domain);
  const inside = ends.filter(({ connections }) => connections < most);
  const edge = { value: PANEL.width };
  return {
    ...PANEL,
    layer: [
      {
        data: { values: points },
        mark: { type: "line", point: { size: 22 }, strokeWidth: 1.6 },
        encoding: { x, y, color: COLOUR, detail: name },
      },
      {
        data: { values: atTheEdge },
        mark: { type: "rule", strokeWidth: 0.6, opacity: 0.7 },
        encoding: {
          x: edge,
          x2: { value: PANEL.width + 14 },
          y,
          y2: { field: "label" },
          color: COLOUR,
        },
      },
      {
        data: { values: atTheEdge },
        mark: { type: "text", align: "left", fontSize: 11 },
        encoding: {
          x: { value: PANEL.width + 17 },
          y: logarithmic("label", domain),
          text: name,
          color: COLOUR,
        },
      },
      // A name among the lines has a white edge.
      ...[{ stroke: "white", strokeWidth: 4 }, {}].map((edge) => ({
        data: { values: inside },
        mark: { type: "text", align: "left", dx: 6, dy: -6, fontSize: 11, ...edge },
        encoding: { x, y, text: name, color: COLOUR },
      })),
    ],
  };
}

/** The positions of the names: in their order, and so far apart that none covers another. */
function apart(ends: readonly Point[], [low, high]: [number, number]): End[] {
  const step = LABEL.height * Math.log(high / low) / PANEL.height;
  let last = -Infinity;
  const upwards = ends.toSorted((a, b) => a.cpu - b.cpu)
    .map((end) => ({ ...end, label: last = Math.max(Math.log(end.cpu), last + step) }));
  let next = Math.log(high);
  return upwards.toReversed().map((end) => {
    next = Math.min(end.label, next);
    const label = Math.exp(next);
    next -= step;
    return { ...end, label };
  });
}

/** Bars for both kinds of load: about 50 connections, all active; about 1,000, mostly idle. */
function bars(results: Result[]): object[] {
  const active = nearest(50, results.filter(({ active, connections }) => active === connections));
  const idle = nearest(1000, results.filter(({ active, connections }) => active < connections));
  const most = Math.max(...[...active, ...idle].map(({ cpu }) => cpu));
  const all = [["all of them active", active], [`${TALKERS} of them active`, idle]] as const;
  return all.filter(([, points]) => points.length > 0)
    .map(([title, points]) => barsOf(title, points, most));
}

/** The results of the cells whose number of connections is nearest to `wanted`. */
function nearest(wanted: number, results: Result[]): Point[] {
  const distances = results.map(({ connections }) => Math.abs(connections - wanted));
  const least = Math.min(...distances);
  return results.filter((_, i) => distances[i] === least).map(pointOf);
}

function barsOf(title: string, points: Point[], most: number): object {
  const axis = { ticks: false, domain: false, title: null };
  const count = points[0].connections.toLocaleString("en");
  const value = { field: "cpu", type: "quantitative" };
  return {
    title: { text: `${count} connections; ${title}`, fontSize: 13, anchor: "start" },
    width: PANEL.width,
    height: { step: 18 },
    data: { values: points },
    encoding: {
      x: { ...value, axis: null, scale: { domain: [0, most] } },
      y: { field: "server", type: "nominal", sort: points.map(({ server }) => server), axis },
    },
    layer: [
      { mark: { type: "bar", height: 12 }, encoding: { color: COLOUR } },
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 11 },
        encoding: { text: { ...value, format: ".3~r" } },
      },
    ],
  };
}

function pointOf({ server, connections, cpu }: Result): Point {
  const way = WAY_OF[server] ?? WAY_OF[server.slice(0, 2)] ?? "what people use instead";
  return { server, way, connections, cpu: cpu.median };
}

function logarithmic(field: string, domain: [number, number]): object {
  const values = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];
  const axis = { values, title: null, domain: false, ticks: false };
  return { field, type: "quantitative", scale: { type: "log", domain, nice: false }, axis };
}
