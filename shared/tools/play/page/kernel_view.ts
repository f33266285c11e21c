/**
 * What the kernel holds: queues, bytes, lists, operations, signals.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import { keyOf } from "../../lesson/lanes.ts";
import { callsAt, descriptorsIn, lastCall, type Model, type Moment } from "../model.ts";
import { isAlive, isIdle, sleeps, written } from "../sentence.ts";
import { children, color, fitted, make, setClass, setText } from "./dom.ts";

/** So many connections have a row each; of more, each is a dot. */
const MOST_ROWS = 24;
/** So many names are shown in a row. */
const MOST_NAMES = 8;
/** How wide and how high a pill is, with the gap behind it, in pixels. */
const [PILL, LINE] = [88, 28];

/** How a thread is about a descriptor. */
type How = "sleeps" | "polls" | "runs" | "quiet";

/** The panel of the kernel. */
export class KernelView {
  /** All of it. */
  readonly element: HTMLElement = make("section", "panel kernel");
  readonly #model: Model;
  readonly #parts: ((moment: Moment, time: number, about: About) => void)[] = [];

  /** `choose` is called with the index of the connection that somebody has clicked on. */
  constructor(model: Model, choose: (index: number) => void) {
    this.#model = model;
    const isSeen = model.listeners.length > 0 || model.connections.length === 0;
    if (isSeen && model.threads.length > 0) this.#threads();
    if (model.listeners.length > 0) this.#queue();
    if (model.polls.last > 1000) this.#polls();
    if (model.signals !== undefined) this.#signals();
    if (model.operations.length > 0) {
      this.#operations("Under way: the kernel waits and copies by itself", false, MOST_ROWS);
      this.#operations("Done, in the completion ring, but not seen yet", true, MOST_NAMES);
    }
    if (model.epolls.length > 0) this.#interest();
    else if (model.scans.length > 0) this.#scan();
    if (model.coroutines.length > 0) this.#coroutines();
    if (!isSeen) {
      this.element.append(make(
        "p",
        "note",
        "Deno's own sockets make their calls inside the runtime, where the recorder cannot see " +
          "them. So it is unknown what the kernel holds for this server, and where it waits.",
      ));
    } else if (model.connections.length > MOST_ROWS) this.#dots();
    else if (model.connections.length > 0) this.#rows(choose);
  }

  /** Shows a moment. */
  render(moment: Moment, time: number): void {
    const about = aboutAt(this.#model, time);
    for (const part of this.#parts) part(moment, time, about);
  }

  #section(title: string): { heading: HTMLElement; body: HTMLElement } {
    const section = make("section");
    const heading = make("h2", "", title);
    const body = make("div");
    section.append(heading, body);
    this.element.append(section);
    return { heading, body };
  }

  /** A section of dots, with what their colours mean. */
  #grid(items: number[], meanings: [name: string, meaning: string][]) {
    const { heading, body } = this.#section("");
    const dots = new Dots(body, items);
    const legend = make("div", "legend");
    for (const [name, meaning] of meanings) {
      const [entry, mark] = [make("span"), make("i")];
      mark.style.background = `var(--${name})`;
      entry.append(mark, meaning);
      legend.append(entry);
    }
    body.append(legend);
    return { heading, dots };
  }

  #threads(): void {
    const { threads, processes } = this.#model;
    const title = processes.length > 0
      ? "Processes"
      : threads.length > 1
      ? "Threads"
      : "The thread";
    const { body } = this.#section(title);
    body.className = "row";
    this.#parts.push((moment, time) => {
      const pills = threads.slice(0, MOST_NAMES).map((thread) => {
        const { how, call } = isAlive(thread, time)
          ? doing(this.#model, threads.indexOf(thread), time)
          : { how: "quiet", call: fateOf(thread, moment, time) };
        const name = threads.length === 1 ? "" : `${thread.name} `;
        return [
          how,
          name + { sleeps: "sleeps in ", polls: "polls: ", runs: "", quiet: "" }[how as How] + call,
        ];
      });
      const more = threads.length - pills.length;
      if (more > 0) pills.push(["quiet", `and ${more} more`]);
      fill(body, pills, pills.length, threads.length === 1 ? PILL : 2.2 * PILL);
    });
  }

  #queue(): void {
    const { heading, body } = this.#section("Accept queue");
    body.className = "row";
    this.#parts.push(({ queue }) => {
      setText(heading, `Accept queue: ${written(queue.length)} connected, but not accepted`);
      const pills = queue.slice(0, MOST_NAMES).map((name) => ["queued", name]);
      if (queue.length > MOST_NAMES) {
        pills.push(["quiet", `and ${written(queue.length - MOST_NAMES)} more`]);
      }
      const most = Math.min(MOST_NAMES + 1, this.#model.connections.length);
      fill(body, pills.length === 0 ? [["quiet", "empty"]] : pills, most);
    });
  }

  #polls(): void {
    const { body } = this.#section("Calls that returned EAGAIN, so far");
    body.className = "big polls";
    this.#parts.push(({ polls }) => setText(body, written(polls)));
  }

  #signals(): void {
    // The runtime takes a signal at once, and calls the script's listener when it has time.
    const { body } = this.#section(
      this.#model.keepsSignals ? "Signals pending" : "Signals taken, listener not called yet",
    );
    body.className = "row";
    this.#parts.push(({ signals = 0 }) => {
      fill(body, [signals === 0 ? ["quiet", "none"] : ["done", written(signals)]], 1);
    });
  }

  /** The operations that are done, or are not; so many of them by name. */
  #operations(title: string, isDone: boolean, most: number): void {
    const { body } = this.#section(title);
    body.className = "row";
    const all = Math.min(most, this.#model.connections.length) + 1;
    this.#parts.push(({ operations }) => {
      const own = operations.filter(({ done }) => done === isDone);
      const name = isDone ? "done" : "kernel";
      const pills = own.slice(0, most).map((operation) => [
        name,
        `${operation.name}(${operation.fd})`,
      ]);
      if (own.length > most) pills.push(["quiet", `and ${written(own.length - most)} more`]);
      fill(body, pills.length === 0 ? [["quiet", "nothing"]] : pills, all);
    });
  }

  #interest(): void {
    for (const [index, { pid, fd, interest }] of this.#model.epolls.slice(0, 3).entries()) {
      const { heading, dots } = this.#grid([...interest.keys()], [
        ["waiting", "on the list, untouched"],
        ["accent", "on the ready list"],
        ["copying", "touched by the script"],
      ]);
      this.#parts.push(({ epolls }, _, about) => {
        const { interest = [], ready = [] } = epolls[index] ?? {};
        setText(
          heading,
          `epoll ${fd}: the kernel's list of ${written(interest.length)}, ${
            written(ready.length)
          } of them ready`,
        );
        const [watched, isReady] = [new Set(interest), new Set(ready)];
        dots.render((fd) =>
          about.fds.get(keyOf(pid, fd)) === "runs"
            ? "copying"
            : isReady.has(fd)
            ? "accent"
            : watched.has(fd)
            ? "waiting"
            : ""
        );
      });
    }
  }

  #scan(): void {
    const { scans } = this.#model;
    const all = new Set<number>();
    for (const watched of new Set(scans.map(({ args }) => args.watched))) {
      for (const fd of descriptorsIn(String(watched ?? "")).keys()) all.add(fd);
    }
    const { heading, dots } = this.#grid([...all].sort((a, b) => a - b), [
      ["waiting", "waited for"],
      ["computing", "looked at"],
      ["accent", "found ready"],
      ["copying", "touched by the script"],
    ]);
    this.#parts.push(({ scan }, time, about) => {
      const { name = scans[0].name, inside = false, watched = [], ready = [] } = scan ?? {};
      const sleeping = this.#model.threads.some((thread) => sleeps(thread, time));
      setText(
        heading,
        `${name}: all ${written(watched.length)} descriptors are looked at, each time`,
      );
      const [own, isReady] = [new Set(watched), new Set(ready)];
      dots.render((fd) =>
        about.fds.get(keyOf(scans[0].pid, fd)) === "runs"
          ? "copying"
          : isReady.has(fd)
          ? "accent"
          : own.has(fd)
          ? inside && sleeping ? "waiting" : "computing"
          : ""
      );
    });
  }

  #coroutines(): void {
    const { heading, body } = this.#section("Coroutines");
    body.className = "row";
    this.#parts.push(({ coroutines }) => {
      const running = coroutines.filter(({ state }) => state === "running");
      const waiting = coroutines.filter(({ state }) => state === "waiting").length;
      setText(heading, `Coroutines: ${running.length} runs, ${written(waiting)} wait`);
      const pills = running.map(({ name }) => ["runs", name]);
      fill(body, pills.length === 0 ? [["quiet", "none runs"]] : pills, 1);
    });
  }

  #dots(): void {
    const { connections } = this.#model;
    const { heading, dots } = this.#grid(connections.map((_, index) => index), [
      ["idle", "open"],
      ["queued", "in the accept queue"],
      ["bytes", "bytes for the server"],
      ["replies", "bytes for the client"],
    ]);
    this.#parts.push((moment) => {
      const states = moment.connections;
      const waiting = states.filter(({ toServer }) => toServer > 0).length;
      setText(heading, `Connections: bytes of ${written(waiting)} clients wait in the kernel`);
      dots.render((index) => {
        const { state, toServer, toClient } = states[index];
        if (state === "before" || state === "closed") return "";
        if (toServer > 0) return "bytes";
        return toClient > 0 ? "replies" : state === "queued" ? "queued" : "idle";
      });
    });
  }

  #rows(choose: (index: number) => void): void {
    const { connections } = this.#model;
    const { body } = this.#section("Bytes in the kernel: to the server, descriptor, to the client");
    body.className = this.#model.processes.length > 0 ? "connections processes" : "connections";
    const most = (key: "toServer" | "toClient") =>
      Math.max(1, ...connections.map((own) => mostIn(own[key])));
    const [mostToServer, mostToClient] = [most("toServer"), most("toClient")];
    const rows = connections.map(({ name }, index) => {
      const button = make("button", "name", name);
      button.type = "button";
      button.title = `Step through the events of ${name} alone`;
      button.addEventListener("click", () => choose(index));
      const row = { button, there: bar(""), fd: make("span", "fd"), back: bar(" back") };
      body.append(button, row.there.element, row.fd, row.back.element);
      return row;
    });
    this.#parts.push((moment, _, about) => {
      const { epolls } = this.#model;
      const ready = new Set(
        moment.epolls.flatMap(({ ready }, i) => ready.map((fd) => keyOf(epolls[i].pid, fd))),
      );
      rows.forEach(({ there, fd, back }, index) => {
        const { state, toServer, toClient, fd: number, process, ended } = moment.connections[index];
        const descriptor = process === undefined ? `fd ${number}` : `fd ${number} of ${process}`;
        there.render(toServer, mostToServer, ended && toServer === 0 ? "end" : "");
        back.render(toClient, mostToClient);
        const key = keyOf(connections[index].pid, number);
        const how = state === "open" ? about.fds.get(key) ?? about.all ?? "" : "";
        const mark = state === "open" && ready.has(key) ? " ready" : "";
        const away = state === "before" || state === "closed" ? "away" : "";
        setClass(fd, `fd ${state === "queued" ? "queued" : away || how + mark}`);
        setText(
          fd,
          { before: "–", queued: "in queue", open: descriptor, closed: "closed" }[state],
        );
      });
    });
  }
}

/** Descriptors, or whatever has a number, as dots that stay where they are. */
class Dots {
  readonly #canvas = make("canvas", "dots");
  readonly #items: number[];
  readonly #colors: string[] = []; // what was drawn, so that only what changes is drawn again
  #drawn = "";

  constructor(parent: HTMLElement, items: number[]) {
    this.#items = items;
    this.#canvas.setAttribute("aria-hidden", "true");
    parent.append(this.#canvas);
  }

  render(colorOf: (item: number) => string): void {
    const { length } = this.#items;
    const size = length <= 60 ? 16 : length <= 300 ? 11 : length <= 1500 ? 7 : 5;
    const width = Math.max(size, this.#canvas.parentElement!.clientWidth);
    const columns = Math.max(1, Math.floor(width / size));
    const gap = size > 8 ? 2 : 1;
    const key = `${width} ${devicePixelRatio} ${color("page")}`;
    const isNew = this.#drawn !== key;
    this.#drawn = key;
    const context = isNew
      ? fitted(this.#canvas, Math.ceil(length / columns) * size + 2)
      : this.#canvas.getContext("2d")!;
    let filled = "";
    for (let i = 0; i < length; i++) {
      const name = colorOf(this.#items[i]) || "nothing";
      if (!isNew && this.#colors[i] === name) continue;
      this.#colors[i] = name;
      if (filled !== name) context.fillStyle = color(name);
      filled = name;
      const [x, y] = [i % columns * size, Math.floor(i / columns) * size];
      context.fillRect(x, y, size - gap, size - gap);
    }
  }
}

/** Which descriptors the threads are about. */
interface About {
  fds: Map<number, How>; // by process and descriptor
  /** All of them, if a thread asks one after another. */
  all?: How;
}

function aboutAt(model: Model, time: number): About {
  const about: About = { fds: new Map() };
  model.threads.forEach((thread, index) => {
    if (!isAlive(thread, time)) return;
    const { how, fd } = doing(model, index, time);
    if (fd === "several") about.all = how;
    else if (fd !== undefined && how !== "quiet") {
      about.fds.set(keyOf(model.threads[index].pid, Number(fd)), how);
    }
  });
  return about;
}

/** What a thread does, or has just done. */
function doing(
  { threads }: Model,
  index: number,
  time: number,
): { how: How; call: string; fd?: number | string } {
  const thread = threads[index];
  const calls = callsAt(thread, time);
  // A thread that polls makes several calls in turn, and some of them for all descriptors.
  const last = calls.find(({ args }) => args.fd === "several") ?? calls[0] ??
    lastCall(thread, time);
  if (last === undefined) return { how: "runs", call: "begins" };
  const { fd, error, count } = last.args;
  const name = last.cat === "computing"
    ? "computes"
    : fd === undefined || fd === "several"
    ? last.name
    : `${last.name}(${fd})`;
  if (calls.length === 0) {
    return { how: isIdle(thread, time) ? "quiet" : "runs", call: `after ${name}`, fd };
  }
  if (String(error).startsWith("EAGAIN") && count !== undefined) {
    return { how: "polls", call: [...new Set(calls.map(({ name }) => name))].join(" and "), fd };
  }
  return { how: sleeps(thread, time) ? "sleeps" : "runs", call: name, fd };
}

/** What a thread is before its first call or after its last one, or its whole process. */
function fateOf(
  { name, begins }: Model["threads"][number],
  { processes }: Moment,
  time: number,
): string {
  const { state, how } = processes.find((process) => process.name === name) ?? {};
  if (state === "zombie") return `is a zombie (${how})`;
  if (state === "ended") return `ended: ${how}`;
  if (time >= begins[0]) return "–";
  return state === "running" ? "starts" : "not begun";
}

/** Fills a row with pills. It always has room for the most that there may be. */
function fill(body: HTMLElement, pills: string[][], most: number, width = PILL): void {
  const lines = Math.ceil(most / Math.max(1, Math.floor(body.clientWidth / width)));
  const height = `${LINE * Math.max(1, lines)}px`;
  if (body.style.minHeight !== height) body.style.minHeight = height;
  const elements = children(body, pills.length, () => make("span"));
  pills.forEach(([name, text], i) => {
    setClass(elements[i], `pill ${name}`);
    setText(elements[i], text);
  });
}

/** A bar that fills with bytes, on a logarithmic scale: 5 bytes show beside a megabyte. */
function bar(name: string) {
  const element = make("div", `bar${name}`);
  const [fill, text] = [make("i"), make("span")];
  element.append(fill, text);
  return {
    element,
    render(bytes: number, most: number, instead = "") {
      const share = Math.log2(1 + bytes) / Math.log2(1 + most);
      const transform = `scaleX(${share.toFixed(3)})`;
      if (fill.style.transform !== transform) fill.style.transform = transform;
      setText(text, bytes > 0 ? `${written(bytes)} B` : instead);
    },
  };
}

function mostIn({ sent, received }: Model["connections"][number]["toServer"]): number {
  let most = 0;
  for (const time of sent.times) most = Math.max(most, sent.at(time) - received.at(time));
  return most;
}
