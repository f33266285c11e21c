/**
 * All lessons as pages in a folder, with an index.
 *
 * @module
 */

import { findLesson } from "../lesson/catalogue.ts";
import { showProgress } from "../lesson/progress.ts";
import type { Run } from "../lesson/visit.ts";
import { NotWritable, reasonOf } from "../process/files.ts";
import { pageOf } from "./page.ts";
import { record, recordable } from "./record.ts";
import type { Recording } from "./recording.ts";

/** Lessons that say more beside each other, and the options of their clients. */
const RACES: [before: string, after: string, ...args: string[]][] = [
  ["01", "02"],
  ["03", "04"],
  ["06", "04", "--clients", "1000"],
  ["06", "06/edge-triggered", "--clients", "1000"],
  ["14/plain", "14"],
];

/**
 * Writes them. What cannot be recorded here is left out, and reported in a line.
 *
 * @param wanted Which lessons, one or two for each page, and the options of their clients.
 * @returns The exit code: 1 if anything was left out.
 */
export async function writeSite(
  run: Run,
  folder: string,
  wanted: [names: string[], args: string[]][] = allPages(),
): Promise<number> {
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new NotWritable(`${folder} cannot be written: ${reasonOf(error)}`);
  }
  const written: [file: string, title: string][] = [];
  let code = 0;
  for (const [names, args] of wanted) {
    const title = names.map((name) => findLesson(name)!).map(({ number, title }) =>
      `${number} · ${title}`
    ).join(" | ");
    const progress = showProgress(() => `… ${title}`);
    const recordings: Recording[] = [];
    let reason = "";
    for (const name of names) {
      const result = await record(run, name, args, names[0]);
      if ("reason" in result) reason = result.reason;
      else recordings.push(result);
    }
    progress.end();
    if (run.code !== undefined) return run.code;
    if (recordings.length < names.length) {
      console.error(`${names.join()}: ${reason}`);
      code = 1;
      continue;
    }
    const file = `${names.join("-").replaceAll("/", "-")}.html`;
    Deno.writeTextFileSync(`${folder}/${file}`, pageOf(recordings));
    written.push([file, title]);
    console.log(`${folder}/${file}`);
  }
  Deno.writeTextFileSync(`${folder}/index.html`, indexOf(written));
  return code;
}

function allPages(): [names: string[], args: string[]][] {
  const known = recordable();
  const races = RACES.filter(([a, b]) => known.includes(a) && known.includes(b));
  return [
    ...known.map((name) => [[name], []] as [string[], string[]]),
    ...races.map(([a, b, ...args]) => [[a, b], args] as [string[], string[]]),
  ];
}

function indexOf(pages: [file: string, title: string][]): string {
  const style = "body { font: 17px/1.7 system-ui, sans-serif; max-width: 40em; margin: 2em auto; " +
    "padding: 0 1em; color-scheme: light dark; }";
  const links = pages.map(([file, title]) => `<li><a href="${file}">${title}</a></li>`).join("\n");
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Recorded runs</title>
<style>${style}</style>
<h1>Recorded runs</h1>
<ul>
${links}
</ul>
</html>
`;
}
