/**
 * Where the results go: a file of JSON, and charts.
 *
 * @module
 */

import { requireWritable, writeUserFile } from "../../shared/tools/process/files.ts";
import type { Cell } from "./cells.ts";
import type { Report } from "./report.ts";

/** What was asked for; an empty text is nothing. */
export interface Output {
  /** The file for the results. */
  json: string;
  /** The folder for the charts. */
  svg: string;
}

/**
 * Finds out, before minutes of measuring, whether the results can be written.
 *
 * @returns A function that writes them.
 * @throws {Error} with the reason in its first line; and so does that function.
 */
export async function prepareOutput(
  { json, svg }: Output,
  cells: readonly Cell[],
): Promise<(report: Report) => Promise<void>> {
  if (json !== "") requireWritable(json);
  const charts = svg === "" ? undefined : await loadCharts();
  if (charts !== undefined) {
    Deno.mkdirSync(svg, { recursive: true });
    for (const { size } of cells) {
      Object.values(charts.chartFiles(svg, size)).forEach(requireWritable);
    }
  }
  return async (report) => {
    if (json !== "") writeUserFile(json, JSON.stringify(report) + "\n");
    await charts?.draw(report, svg);
  };
}

/** The charts need packages, which Deno fetches when they are first needed. */
async function loadCharts(): Promise<typeof import("./charts.ts")> {
  // The name is not literal, or Deno would fetch them for every run.
  return await import(new URL("./charts.ts", import.meta.url).href);
}
