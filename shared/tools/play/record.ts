/**
 * Records a run of a lesson for the page.
 *
 * @module
 */

import {
  catalogue,
  findLesson,
  type Lesson,
  LESSONS,
  type ServerLesson,
} from "../lesson/catalogue.ts";
import { callRows, programReport, serverReport } from "../lesson/costs.ts";
import { type Failed, failure, type Run, start, type Visit, visitServer } from "../lesson/visit.ts";
import { Meter } from "../process/proc.ts";
import type { TraceEvent } from "../trace/events.ts";
import { eventsIn } from "../trace/read.ts";
import { pack, type Recording, type Source } from "./recording.ts";

/** So many events are shown at the most, */
const MOST_EVENTS = 200_000;
/** and so many are read of each side: they take 800 MiB. */
const MOST_READ = 1_000_000;

/** What can be recorded: lessons with a server, their variants, and programs with coroutines. */
export function recordable(): string[] {
  return catalogue.flatMap(({ number, server, main }) =>
    server !== undefined
      ? [number, ...(server.variants ?? []).map(({ name }) => `${number}/${name}`)]
      : main?.coroutines
      ? [number]
      : []
  );
}

/**
 * Runs a lesson twice: once bare, for its costs, and once under the recorder.
 *
 * @param name Such as `06` or `06/edge-triggered`.
 * @param args Options for the client, or for the program.
 * @param clientOf The lesson whose client visits it, if not its own.
 */
export async function record(
  run: Run,
  name: string,
  args: string[],
  clientOf = name,
): Promise<Recording | Failed> {
  const lesson = findLesson(name)!;
  const traces = [`${run.directory}/server.json`, `${run.directory}/client.json`];
  const recorded = lesson.server === undefined
    ? await runProgram(run, lesson, args, traces[0])
    : await runServer(run, lesson as ServerLesson, args, findLesson(clientOf) as ServerLesson);
  await endAll(run); // a client that has failed leaves its server behind
  if ("reason" in recorded) return recorded;
  const { number, title, idea } = lesson;
  const { underWay, ...ran } = recorded;
  const main = lesson.server?.path ??
    `${lesson.folder}/${lesson.server === undefined ? "main" : "server"}.ts`;
  return {
    lesson: name,
    title: `${number} · ${title}`,
    idea,
    args,
    ...readTraces(lesson.server === undefined ? [traces[0]] : traces, `lessons/${main}`, underWay),
    ...ran,
  };
}

/** Ends all scripts of a run that may still be there. */
export async function endAll(run: Run): Promise<void> {
  await Promise.all(run.children.splice(0).map((child) => child.stop()));
}

/** What a run was like besides its events. */
type Ran = Pick<Recording, "costs" | "output"> & { underWay?: Visit["underWay"] };

async function runServer(
  run: Run,
  lesson: ServerLesson,
  args: string[],
  { folder, client }: ServerLesson,
): Promise<Ran | Failed> {
  const own = { ...lesson, client: { path: `${folder}/client.ts`, ...client } };
  const output: string[] = [];
  const visit = await visitServer(run, own, args);
  if ("reason" in visit) return visit;
  const recorded = await visitServer(run, own, args, {
    recorded: "detailed",
    onLine: (name, line) => output.push(`${name}: ${line}`),
  });
  if ("reason" in recorded) return recorded;
  if (visit.code !== 0 || recorded.code !== 0) {
    return { reason: `the client ended with exit code ${visit.code || recorded.code}`, code: 1 };
  }
  const { calls, underWay } = recorded;
  return { costs: pairs([...serverReport(visit), ...callRows(calls)]), output, underWay };
}

async function runProgram(
  run: Run,
  lesson: Lesson,
  args: string[],
  trace: string,
): Promise<Ran | Failed> {
  const output: string[] = [];
  const began = performance.now();
  const bare = start(run, lesson, "main", lesson.main!, args);
  using meter = new Meter(bare.pid, 10);
  if (!(await bare.ended).success) return await failure(run, "program", bare, "", true);
  const costs = pairs(programReport(performance.now() - began, meter.last));
  const onLine = (line: string) => output.push(line);
  const recorded = start(run, lesson, "main", lesson.main!, args, {
    trace,
    detailed: true,
    onLine,
  });
  if (!(await recorded.ended).success) return await failure(run, "program", recorded, "", true);
  return { costs, output };
}

function pairs(rows: string[]): [string, string][] {
  return rows.map((row) => {
    const [, what, value] = /^(.*?) {2,}(.*)$/.exec(row)!;
    return [what, value];
  });
}

const ROOT = decodeURI(new URL("../", LESSONS).pathname);

/** What was recorded of a server and its client; `main` is the script that comes first. */
export function readTraces(
  paths: string[],
  main: string,
  underWay: Visit["underWay"] = new Map(),
): Pick<Recording, "sources" | "places" | "names" | "began" | "events" | "cut"> {
  const names: Recording["names"] = {};
  const places = new Map<string, number>(); // the number of a place, by thread and the thread's own
  const known = new Map<string, number>(); // by path and line
  const sources = [sourceOf(main)];
  const lines: Recording["places"] = [];
  const events: TraceEvent[] = [];
  function addPlace(thread: string, { id, place }: TraceEvent["args"]) {
    const [, file, line] = /^(.*):(\d+)$/.exec(String(place))!;
    const path = file.startsWith(ROOT) ? file.slice(ROOT.length) : file;
    let source = sources.findIndex((source) => source.path === path);
    if (source === -1) source = sources.push(sourceOf(path)) - 1;
    const key = `${source} ${line}`;
    if (!known.has(key)) known.set(key, lines.push([source, Number(line)]) - 1);
    places.set(`${thread} ${id}`, known.get(key)!);
  }
  for (const [index, path] of paths.entries()) {
    let read = 0;
    for (const event of eventsIn(path)) {
      if (++read > MOST_READ) break;
      // Calls that the client makes by itself are no work of the server.
      if (index === 1 && !["name", "client", "socket"].includes(event.cat)) continue;
      const thread = `${event.pid} ${event.tid}`;
      if (event.name === "thread_name") names[thread] = String(event.args.name);
      if (event.name === "place" && index === 0) addPlace(thread, event.args);
      if (event.ph === "M") continue;
      const { at } = event.args;
      if (at !== undefined) event.args.at = places.get(`${thread} ${at}`)!;
      events.push(event);
    }
  }
  events.push(...unfinished(events, underWay));
  events.sort((a, b) => a.ts - b.ts);
  let cut: string | undefined;
  if (events.length > MOST_EVENTS) {
    cut = `There were more than ${MOST_EVENTS.toLocaleString("en")} events: these are the first.`;
    events.length = MOST_EVENTS;
  }
  const began = (events.find(({ cat }) => cat === "client") ?? events[0])?.ts ?? 0;
  for (const event of events) event.ts -= began;
  return { sources, places: lines, names, began, events: pack(events), cut };
}

/**
 * The calls that had not returned when the run ended. A call is recorded when it returns, but the
 * kernel has said in which call a thread slept then. It began where the last one ended.
 */
function unfinished(events: TraceEvent[], underWay: Visit["underWay"]): TraceEvent[] {
  const end = events.reduce((end, { ts, dur = 0 }) => Math.max(end, ts + dur), 0);
  return [...underWay].flatMap(([tid, call]) => {
    const own = events.filter((event) => event.tid === tid && event.cat === "call");
    const [last, like] = [own.at(-1), own.findLast(({ name }) => name === call?.name)];
    if (call === undefined || last === undefined || like === undefined) return [];
    const ts = last.ts + last.dur!;
    const { fd, epfd, at } = like.args;
    const args = Object.fromEntries(
      Object.entries({ fd: call.fd ?? fd, epfd, at }).filter(([, value]) => value !== undefined),
    );
    return end > ts ? [{ ...like, ts, dur: end - ts, args }] : [];
  });
}

function sourceOf(path: string): Source {
  return { path, text: Deno.readTextFileSync(new URL(path, new URL("../", LESSONS))) };
}

/** The options that a lesson's client has, as its help says; a mixed cast can take its place. */
export async function clientOptionsOf(
  run: Run,
  name: string,
): Promise<{ name: string; initial: string }[]> {
  const lesson = findLesson(name)!;
  if (lesson.client === undefined) return [];
  const lines: string[] = [];
  const onLine = (line: string) => lines.push(line);
  await start(run, lesson, "client", lesson.client, ["--help"], { onLine }).ended;
  const own = lines.flatMap((line) => {
    const [, name, initial = ""] = /^ {2}--(\w+).*?(?: \(([^()]*)\))?$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, initial }];
  });
  return [...own, { name: "cast", initial: "silent:2,normal:6" }];
}
