/**
 * `deno task play` shows recorded runs of lessons in a browser.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { number, refuse } from "../../options.ts";
import { findLesson } from "../lesson/catalogue.ts";
import { showProgress } from "../lesson/progress.ts";
import { type Failed, type Run, withRun } from "../lesson/visit.ts";
import { requireWritable, userPath, writeUserFile } from "../process/files.ts";
import { pageOf } from "./page.ts";
import { record, recordable } from "./record.ts";
import type { Recording } from "./recording.ts";
import { serve } from "./serve.ts";
import { writeSite } from "./site.ts";

const HELP =
  `deno task play [03]                    records lesson 03, and serves a page that plays it
deno task play 03,04                   two lessons or variants beside each other, on one clock
deno task play 03 --clients 5          with options for the client
deno task play 03 --out FILE.html      writes a page that needs no server, and no network
deno task play --all --out FOLDER      writes one for each lesson, and an index

Options:
  --port N    port of the page; 0, unless given, lets the kernel choose
  --out PATH  write a file, or with --all a folder, and serve nothing
  --all       all lessons and variants
  -h, --help  show this`;

const { names, args, port, out, all } = parsed();
Deno.exit(await withRun(play));

async function play(run: Run): Promise<number> {
  if (all) return await writeSite(run, out!);
  const recordings: Recording[] = [];
  for (const name of names) {
    const progress = showProgress(() => `… recording ${name}`);
    const result = await record(run, name, args, names[0]).finally(progress.end);
    if ("reason" in result) return fail(result);
    recordings.push(result);
  }
  if (out !== undefined) {
    writeUserFile(out, pageOf(recordings));
    return 0;
  }
  try {
    await using server = serve(run, port, recordings);
    console.log(`playing on http://127.0.0.1:${server.addr.port}/ (Ctrl-C ends it)`);
    await run.interrupted;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    console.error(`port ${port} is taken: choose another with --port, or 0 for any`);
    return 1;
  }
  return 0;
}

function fail({ reason, code }: Failed): number {
  if (reason !== "") console.error(reason);
  return code;
}

function parsed() {
  const words = Deno.args.filter((word) => word !== "--");
  const own = {
    port: { type: "string" },
    out: { type: "string" },
    all: { type: "boolean" },
  } as const;
  const help = { type: "boolean", short: "h" } as const;
  // What is unknown here is for the client.
  const { tokens, values } = parseArgs({
    args: words,
    options: { ...own, help },
    strict: false,
    tokens: true,
  });
  if (values.help) {
    console.log(HELP);
    Deno.exit(0);
  }
  const isOurs = words.map(() => false);
  for (const token of tokens) {
    if (token.kind !== "option" || !(token.name in own)) continue;
    isOurs[token.index] = true;
    if (token.value !== undefined && token.inlineValue === false) isOurs[token.index + 1] = true;
  }
  const rest = words.filter((_, i) => !isOurs[i]);
  const names = rest[0]?.startsWith("-") === false ? namesIn(rest.shift()!) : [];
  if (rest.some((arg) => /^--host\b/.test(arg))) refuse("the player chooses --host itself");
  if (rest.length > 0 && names.length === 0) refuse(`${rest[0]} is an option of a lesson's client`);
  return { names, args: rest, ...checked(values, names) };
}

function checked(values: Record<string, unknown>, names: string[]) {
  const { port: given = "0", out: path, all = false } = values;
  const { parse, takes } = number(0, "", 0, 65535);
  const port = parse(String(given)) ?? refuse(`--port takes ${takes}, not "${given}"`);
  if (path === "" || path === true) {
    refuse("--out takes the name of a file, or with --all a folder");
  }
  const out = path === undefined ? undefined : userPath(String(path));
  if (all && (out === undefined || names.length > 0)) {
    refuse("--all takes no lesson, and needs --out FOLDER");
  }
  if (!all && out !== undefined && names.length === 0) refuse("--out needs a lesson, or --all");
  try {
    if (out !== undefined && !all) requireWritable(out); // before the lesson takes its time
  } catch (error) {
    refuse((error as Error).message);
  }
  return { port, out, all };
}

/** The lessons or variants that are to be played. */
function namesIn(text: string): string[] {
  const names = text.split(",").map((name) => name.replace(/^\d(?!\d)/, "0$&"));
  for (const name of names) {
    if (recordable().includes(name)) continue;
    if (findLesson(name) !== undefined) refuse(`lesson ${name} has nothing that can be played`);
    refuse(`there is no lesson ${name}; deno task lesson lists them`);
  }
  if (names.length > 2) refuse("no more than two lessons can be beside each other");
  const withServer = names.filter((name) => findLesson(name)!.server !== undefined);
  if (names.length === 2 && withServer.length < 2) refuse("a program has no clients to compare");
  return names;
}
