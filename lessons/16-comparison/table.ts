/**
 * The results as a table.
 *
 * @module
 */

import { styleText } from "node:util";
import { type Cell, describe, rateOf } from "./cells.ts";
import type { Absence, Figure, Report, Result } from "./report.ts";

/** What the columns mean. */
export const LEGEND = [
  "CPU: time of the server for each message in µs, the median of the rounds; ±: their spread;",
  "to C: as a multiple of C epoll. >: the load was the limit, and the server could do more.",
  "p50, p99, p99.9: latency in µs, from the time a message was due; <: the load was late.",
  "Calls: system calls for each message; switches: context switches for each message; memory: MiB.",
];

const COLUMNS: [heading: string, width: number][] = [
  ["CPU", 6],
  ["±", 6],
  ["to C", 6],
  ["msg k/s", 9],
  ["±", 6],
  ["p50", 7],
  ["p99", 8],
  ["p99.9", 8],
  ["calls", 7],
  ["switches", 9],
  ["memory", 7],
  ["threads", 8],
];

/** The first lines of a run: the machine, and what cannot be measured on it. */
export function heading({ machine, missing }: Report): string[] {
  const lacks = missing.map(({ name, needs }) => `not measured: ${name}, which needs ${needs}`);
  return [...Object.values(machine), ...lacks];
}

/** The table of one cell, as lines of text. */
export function table(cell: Cell, { results, absent, failed }: Report): string[] {
  const here = results.filter((result) => isIn(cell, result));
  const width = Math.max(...here.map(({ server }) => server.length), 16);
  const rate = `latency at ${rateOf(cell).toLocaleString("en")} messages a second`;
  const reasons = Map.groupBy(absent.filter((one) => isIn(cell, one)), ({ because }) => because);
  return [
    "",
    styleText("bold", `${describe(cell)}; ${rate}`),
    row("server".padEnd(width), COLUMNS.map(([heading]) => heading)),
    ...here.map((result) => row(result.server.padEnd(width), cellsOf(result))),
    ...[...reasons].map(([because, all]) =>
      `not measured: ${all.map(({ server }) => server).join(", ")}: ${because}`
    ),
    ...failed.filter((one) => isIn(cell, one))
      .map(({ server, because }) => styleText("red", `failed: ${server}: ${because}`)),
  ];
}

/**
 * The progress of a run, as a bar.
 *
 * @param share From 0 to 1.
 * @param elapsed The time so far, in milliseconds.
 */
export function progressBar(share: number, elapsed: number, current: string): string {
  const bar = "█".repeat(Math.round(30 * share)).padEnd(30, "░");
  const left = share === 0 ? "" : `${Math.ceil(elapsed * (1 / share - 1) / 1000)} s left, `;
  return `${bar} ${Math.floor(100 * share)} %, ${left}${current}`;
}

function isIn(cell: Cell, { connections, active, size }: Result | Absence): boolean {
  return cell.connections === connections && cell.active === active && cell.size === size;
}

function row(name: string, texts: string[]): string {
  return name + texts.map((text, i) => text.padStart(COLUMNS[i][1])).join("");
}

function cellsOf(result: Result): string[] {
  const { perSecond, cpu, latency, calls, switches, memory, threads } = result;
  const late = result.loadWasLate ? "<" : "";
  return [
    precise(cpu.median),
    around(cpu),
    cpu.toC?.toFixed(2) ?? "–",
    (result.loadWasLimit ? ">" : "") + precise(perSecond.median / 1000),
    around(perSecond),
    whole(latency.p50),
    late + whole(latency.p99),
    late + whole(latency.p999),
    calls === undefined ? "–" : precise(calls),
    switches.toFixed(2),
    whole(memory),
    whole(threads),
  ];
}

function around({ spread }: Figure): string {
  return `${Math.round(100 * spread)} %`;
}

/** A number with three significant digits, or all digits of its whole part. */
function precise(value: number): string {
  return value < 100 ? value.toFixed(value < 10 ? 2 : 1) : whole(value);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
