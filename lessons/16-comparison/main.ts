/**
 * Lesson 16 · Every model under one load: the program.
 *
 * Puts all servers of the lessons, and what people would use instead, under the same load, one
 * after another: with few connections and many, all of them active, or nearly all of them idle.
 * Checks every byte of every reply meanwhile.
 *
 * Run:  deno run -A lessons/16-comparison/main.ts
 * Try:  deno run -A lessons/16-comparison/main.ts --only 04,06,node
 */

import { print, showProgress } from "../../shared/tools/lesson/progress.ts";
import { flag, number, parseOptions } from "../../shared/options.ts";
import { cellsOf, FULL, SHORT } from "./cells.ts";
import { compare } from "./compare.ts";
import { choose } from "./contenders.ts";
import { killAll } from "../../shared/tools/process/child.ts";
import { makeTemporaryFolder } from "../../shared/tools/process/files.ts";
import { onEndSignal } from "../../shared/tools/process/signals.ts";
import { Load } from "./measure.ts";
import { asOptions, list, named, path } from "./options.ts";
import { prepareOutput } from "./output.ts";
import { emptyReport } from "./report.ts";
import { heading, LEGEND, progressBar, table } from "./table.ts";

const options = parseOptions({
  active: list(SHORT.active, "numbers of connections that are all active, or none"),
  idle: list(SHORT.idle, "numbers of connections of which 10 are active, or none"),
  sizes: list(SHORT.sizes, "sizes of a message in bytes"),
  full: flag(`the same as ${asOptions(FULL)}`),
  only: named("WORD,…", "only servers with one of these words in their names"),
  rounds: number(3, "how many times each server is measured under each load", 1, 100),
  time: number(120, "length of each measurement in milliseconds", 50, 60_000),
  json: path("FILE", "write all results to this file"),
  svg: path("DIR", "draw charts in this folder, with a library from npm"),
});
const cells = cellsOf(options.full ? FULL : options);
const { rounds, time } = options;

const directory = makeTemporaryFolder("comparison-");
onEndSignal((_, code) => {
  killAll();
  end(code);
});

if (cells.length === 0) refuse(2, "no load at all: --active or --idle has to be given");
const write = await prepareOutput(options, cells).catch(fail);
const { contenders, missing, unknown } = choose(options.only, directory);
if (unknown.length > 0) refuse(2, `no server has "${unknown[0]}" in its name`);
const report = emptyReport(rounds, time, missing);
for (const line of heading(report)) console.log(line);

let done = -1; // not counting the one under way
let current = "";
const all = cells.length * contenders.length * rounds;
const progress = showProgress((elapsed) => progressBar(done / all, elapsed, current));
{
  await using load = new Load();
  for (const cell of cells) {
    await compare(cell, contenders, load, report, {
      rounds,
      time,
      counts: `${directory}/counts`,
      onMeasuring(server) {
        current = server;
        done++;
      },
    });
    for (const line of table(cell, report)) print(line);
  }
}
progress.end();
for (const line of ["", ...LEGEND]) console.log(line);

await write(report).catch(fail);
end(report.failed.length === 0 ? 0 : 1);

function fail(error: Error): never {
  return refuse(1, error.message.split("\n")[0]);
}

function refuse(code: number, reason: string): never {
  console.error(reason);
  end(code);
}

function end(code: number): never {
  Deno.removeSync(directory, { recursive: true });
  Deno.exit(code);
}
