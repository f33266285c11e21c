/**
 * The page: one clock for one recording, or for two beside each other.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import type { Live } from "../page.ts";
import type { Recording } from "../recording.ts";
import { written } from "../sentence.ts";
import { stepFrom, type StepKind } from "../steps.ts";
import { find, make, onSchemeChange, setText } from "./dom.ts";
import type { Span } from "./lanes_view.ts";
import { RunForm } from "./run_form.ts";
import { Stage } from "./stage.ts";

/** Everything that can be done, with the keys for it. */
const KEYS: [keys: string[], meaning: string, act: () => void][] = [
  [[" ", "k"], "play, or pause", () => toggle()],
  [["ArrowRight"], "the next event", () => step("event", 1)],
  [["ArrowLeft"], "the previous event", () => step("event", -1)],
  [["w"], "the next wake-up", () => step("wake-up", 1)],
  [["W"], "the previous wake-up", () => step("wake-up", -1)],
  [["e"], "the next EAGAIN run", () => step("EAGAIN run", 1)],
  [["E"], "the previous EAGAIN run", () => step("EAGAIN run", -1)],
  [["c"], "the events of the next client alone", () => chooseClient(client + 1)],
  [["C"], "the events of the previous client alone", () => chooseClient(client - 1)],
  [["Home"], "to the beginning", () => seek(0)],
  [["End"], "to the end", () => seek(end())],
  [["+", "="], "zoom in", () => zoomBy(0.5)],
  [["-"], "zoom out", () => zoomBy(2)],
  [["0"], "the whole run", () => zoom({ from: 0, to: end() })],
  [["."], "faster", () => setSpeed(exponent + 0.25)],
  [[","], "slower", () => setSpeed(exponent - 0.25)],
  [["?"], "these keys", () => find<HTMLDialogElement>("help").showModal()],
];

const NAMES: Record<string, string> = { " ": "space", ArrowRight: "→", ArrowLeft: "←" };

let stages: Stage[] = [];
let time = 0; // in microseconds
let span: Span = { from: 0, to: 1 };
let client = -1; // the index of a connection; -1 for all
let exponent = -1; // of ten: how fast it plays
let playing: number | undefined; // when the last frame was, in milliseconds
let form: RunForm | undefined;
let isDirty = false;

void begin();

async function begin() {
  const { recordings, live } = await load();
  listen();
  show(recordings);
  if (live !== undefined) form = new RunForm(live, recordings, show);
  readAddress();
}

async function load(): Promise<{ recordings: Recording[]; live?: Live }> {
  const text = find("data").textContent!;
  // Browsers of before 2025 have atob alone.
  const bytes = Uint8Array.fromBase64?.(text) ??
    Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).json();
}

/** Shows other recordings, from their beginning. */
function show(recordings: Recording[]) {
  const handlers = { seek, zoom, choose: chooseClient };
  stages = recordings.map((recording) => new Stage(recording, handlers));
  const parent = find("stages");
  parent.replaceChildren(...stages.map(({ element }) => element));
  parent.classList.toggle("race", stages.length > 1);
  const isEmpty = stages.length === 0;
  find("controls").hidden = isEmpty;
  setText(find("title"), isEmpty ? "Play" : recordings.map(({ title }) => title).join("  |  "));
  setText(
    find("idea"),
    isEmpty ? "Choose a lesson, and press Run." : recordings.map(({ idea }) => idea).join(" | "),
  );
  document.title = find("title").textContent!;
  const select = find<HTMLSelectElement>("client");
  select.replaceChildren(new Option("all", "-1"));
  stages[0]?.model.connections.slice(0, 200).forEach(({ name }, index) =>
    select.add(new Option(name, String(index)))
  );
  find("polls").hidden = !stages.some(({ steps }) => steps.all("EAGAIN run").length > 0);
  showCosts(recordings);
  stop();
  client = -1;
  time = 0;
  zoom({ from: 0, to: end() });
}

function showCosts(recordings: Recording[]) {
  find("costs").hidden = find("printed").hidden = recordings.length === 0;
  const costs = recordings.map((recording) => new Map(recording.costs));
  const whats = [...new Set(costs.flatMap((own) => [...own.keys()]))];
  const head = make("tr");
  head.append(
    make("td"),
    ...recordings.map(({ lesson }, i) => make("th", "", i === 0 ? `${lesson} →` : lesson)),
  );
  const rows = whats.map((what) => {
    const row = make("tr");
    const name = make("th", "", what);
    name.scope = "row";
    row.append(name, ...costs.map((own) => make("td", "", own.get(what) ?? "–")));
    return row;
  });
  const table = find("bill");
  table.replaceChildren(...recordings.length > 1 ? [head] : [], ...rows);
  find("output").textContent = recordings.map(({ output }) => output.join("\n")).join("\n\n");
}

function listen() {
  const on = (id: string, act: () => void) => find(id).addEventListener("click", act);
  on("first", () => seek(0));
  on("back", () => step("event", -1));
  on("forward", () => step("event", 1));
  on("play", toggle);
  on("wake", () => step("wake-up", 1));
  on("polls", () => step("EAGAIN run", 1));
  on("keys", () => find<HTMLDialogElement>("help").showModal());
  find("client").addEventListener("change", (event) => {
    chooseClient(Number((event.target as HTMLSelectElement).value));
  });
  find("speed").addEventListener("input", (event) => {
    setSpeed(Number((event.target as HTMLInputElement).value));
  });
  for (const [keys, meaning] of KEYS) {
    const names = keys.map((key) => NAMES[key] ?? key).join(" or ");
    find("list").append(make("dt", "", names), make("dd", "", meaning));
  }
  document.addEventListener("keydown", (event) => {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || find<HTMLDialogElement>("help").open) return;
    if (target instanceof HTMLElement && target.matches("input, select, textarea")) return;
    // On a button, space presses it.
    if (key === " " && target instanceof HTMLButtonElement) return;
    const known = KEYS.find(([keys]) => keys.includes(key));
    if (known === undefined || stages.length === 0) return;
    event.preventDefault();
    known[2]();
  });
  new ResizeObserver(dirty).observe(find("stages"));
  addEventListener("hashchange", readAddress);
  onSchemeChange(dirty);
  setSpeed(exponent);
}

function end(): number {
  return Math.max(1, ...stages.map(({ model }) => model.end));
}

/** Goes to a time; what plays goes on from there. */
function seek(to: number) {
  time = Math.min(end(), Math.max(0, to));
  // The part that is shown follows the time.
  const { from, to: until } = span;
  if (time < from || time > until) {
    const half = (until - from) / 2;
    return zoom({ from: time - half, to: time + half });
  }
  dirty();
}

/** Goes to the next or the previous moment of a kind, in whichever recording that is. */
function step(kind: StepKind, direction: 1 | -1) {
  stop();
  const moments = stages.map(({ steps, model }) =>
    kind === "event" && client >= 0 && client < model.connections.length
      ? steps.ofClient(client)
      : steps.all(kind)
  );
  const next = moments.map((own) => stepFrom(own, time, direction))
    .filter((moment) => moment !== undefined);
  if (next.length > 0) seek(direction === 1 ? Math.min(...next) : Math.max(...next));
}

function zoom({ from, to }: Span) {
  const whole = end();
  const length = Math.min(whole, Math.max(5, to - from));
  const first = Math.min(whole - length, Math.max(0, from));
  span = { from: first, to: first + length };
  dirty();
}

function zoomBy(factor: number) {
  const half = (span.to - span.from) * factor / 2;
  zoom({ from: time - half, to: time + half });
}

function chooseClient(index: number) {
  const count = Math.min(200, stages[0]?.model.connections.length ?? 0);
  client = index < -1 ? count - 1 : index < count ? index : -1;
  find<HTMLSelectElement>("client").value = String(client);
  writeAddress();
}

function setSpeed(to: number) {
  exponent = Math.min(1, Math.max(-3, to));
  find<HTMLInputElement>("speed").value = String(exponent);
  const factor = 10 ** Math.abs(exponent);
  const shown = written(Number(factor.toPrecision(2)));
  setText(find("rate"), exponent < 0 ? `1 : ${shown}` : `${shown} : 1`);
}

function toggle() {
  if (playing !== undefined) return stop();
  if (time >= end()) time = 0;
  playing = performance.now();
  announce("off"); // a sentence for each frame would be too many
  setText(find("play"), "Pause");
  dirty();
}

function stop() {
  playing = undefined;
  announce("polite");
  setText(find("play"), "Play");
}

/** Whether screen readers read the sentences when they change. */
function announce(how: "off" | "polite") {
  for (const { element } of stages) {
    element.querySelector(".sentence")!.setAttribute("aria-live", how);
  }
}

function dirty() {
  if (isDirty) return;
  isDirty = true;
  requestAnimationFrame(frame);
}

function frame(now: number) {
  isDirty = false;
  if (playing !== undefined) {
    const passed = Math.max(0, now - playing);
    playing = now;
    time = Math.min(end(), time + 1000 * passed * 10 ** exponent);
    const { from, to } = span;
    if (time > to || time < from) zoom({ from: time, to: time + to - from });
    if (time >= end()) stop();
    else dirty();
  }
  for (const stage of stages) stage.render(time, span, end());
  if (find("time").textContent === "") performance.mark("shown");
  setText(find("time"), `${shown(time)} / ${shown(end())} ms`);
  if (playing === undefined) writeAddress();
}

function shown(time: number): string {
  return written((time / 1000).toFixed(3));
}

/** The address holds what is shown, so that a moment can be sent to somebody. */
function writeAddress() {
  if (stages.length === 0) return;
  const values: Record<string, string> = {
    lesson: stages.map(({ recording }) => recording.lesson).join(),
    t: (time / 1000).toFixed(4),
  };
  if (client >= 0) values.client = String(client + 1);
  if (span.from > 0 || span.to < end()) {
    values.from = (span.from / 1000).toFixed(3);
    values.to = (span.to / 1000).toFixed(3);
  }
  const hash = Object.entries(values).map(([key, value]) =>
    `${key}=${encodeURIComponent(value).replaceAll("%2F", "/").replaceAll("%2C", ",")}`
  ).join("&");
  if (location.hash !== `#${hash}`) history.replaceState(null, "", `#${hash}`);
}

function readAddress() {
  const values = new URLSearchParams(location.hash.slice(1));
  const number = (name: string) => values.has(name) ? Number(values.get(name)) * 1000 : NaN;
  const lesson = values.get("lesson");
  const own = stages.map(({ recording }) => recording.lesson).join();
  if (lesson !== null && lesson !== own && form !== undefined) form.choose(lesson.split(","));
  const [from, to, at] = [number("from"), number("to"), number("t")];
  if (from < to) zoom({ from, to });
  if (values.has("client")) chooseClient(Number(values.get("client")) - 1);
  if (at >= 0) seek(exact(at));
}

/** The moment that was meant: the address holds tenths of a microsecond, and sums are no such. */
function exact(at: number): number {
  for (const { steps } of stages) {
    const moment = steps.near(at, 0.06);
    if (moment !== undefined) return moment;
  }
  return at;
}
