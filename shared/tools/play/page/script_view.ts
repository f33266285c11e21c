/**
 * The scripts of a run, with the line in which each thread and each coroutine stands.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import { callsAt, lastCall, type Model } from "../model.ts";
import type { Recording } from "../recording.ts";
import { isAlive, isIdle, sleeps } from "../sentence.ts";
import { make, setClass, setText } from "./dom.ts";

/** Who stands in a line, and how. */
interface Standing {
  how: "sleeps" | "polls" | "runs" | "";
  names: string[];
  runs: string[];
}

/** The panel with the scripts. */
export class ScriptView {
  /** All of it. */
  readonly element: HTMLElement = make("section", "panel script");
  readonly #recording: Recording;
  readonly #model: Model;
  readonly #lists: HTMLOListElement[];
  readonly #tabs: HTMLButtonElement[];
  readonly #marks = new Map<HTMLLIElement, HTMLElement>();
  #marked: HTMLLIElement[] = [];
  #shown = 0;
  #chosen = false; // by the user, so that it stays

  /** The scripts of a recording. */
  constructor(recording: Recording, model: Model) {
    this.#recording = recording;
    this.#model = model;
    const tabs = make("div", "tabs");
    this.#tabs = recording.sources.map(({ path }, index) => {
      const tab = make("button", "", path.replace("lessons/", ""));
      tab.type = "button";
      tab.addEventListener("click", () => {
        this.#chosen = true;
        this.#show(index);
      });
      tabs.append(tab);
      return tab;
    });
    this.#lists = recording.sources.map(({ path, text }) => {
      const list = make("ol");
      list.tabIndex = 0;
      list.setAttribute("aria-label", path);
      for (const line of text.trimEnd().split("\n")) list.append(make("li", "", line || " "));
      return list;
    });
    this.element.append(tabs, ...this.#lists);
    this.#show(0);
  }

  /** Shows who stands where at a time. */
  render(time: number): void {
    const standing = this.#standingAt(time);
    const marked: HTMLLIElement[] = [];
    let first: { source: number; line: HTMLLIElement } | undefined;
    for (const [place, { how, names, runs }] of standing) {
      const [source, number] = this.#recording.places[place] ?? [0, 1];
      const line = this.#lists[source].children[number - 1] as HTMLLIElement | undefined;
      if (line === undefined) continue;
      marked.push(line);
      setClass(line, how === "" ? "" : `here ${how}`);
      this.#mark(line, runs.length > 0 ? runs : names, runs.length > 0);
      if (how !== "" && (first === undefined || how === "runs")) first = { source, line };
    }
    for (const line of this.#marked) {
      if (marked.includes(line)) continue;
      setClass(line, "");
      this.#marks.get(line)?.remove();
      this.#marks.delete(line);
    }
    this.#marked = marked;
    if (first === undefined) return;
    if (!this.#chosen) this.#show(first.source);
    const list = this.#lists[first.source];
    const { offsetTop, offsetHeight } = first.line;
    const margin = 3 * offsetHeight;
    if (
      offsetTop < list.scrollTop + margin ||
      offsetTop + offsetHeight > list.scrollTop + list.clientHeight - margin
    ) list.scrollTop = offsetTop - list.clientHeight / 2;
  }

  /** By place: in which call threads are, or have just been, and where coroutines wait. */
  #standingAt(time: number): Map<number, Standing> {
    const standing = new Map<number, Standing>();
    function at(place: unknown): Standing {
      const own = standing.get(Number(place)) ?? { how: "", names: [], runs: [] };
      standing.set(Number(place), own);
      return own;
    }
    const { threads, coroutines } = this.#model;
    const alive = threads.filter((thread) => isAlive(thread, time));
    for (const thread of alive) {
      const calls = callsAt(thread, time);
      const last = lastCall(thread, time);
      const shown = calls.length > 0 || last === undefined ? calls : [last];
      for (const { args } of shown) {
        if (args.at === undefined) continue;
        const own = at(args.at);
        const polls = String(args.error).startsWith("EAGAIN") && args.count !== undefined;
        const how = polls ? "polls" : sleeps(thread, time) ? "sleeps" : own.how || "runs";
        if (!isIdle(thread, time)) own.how = how;
        if (alive.length > 1) own.names.push(thread.name);
      }
    }
    for (const { name, begin, end, ran, running, at: places } of coroutines) {
      const place = places.at(time);
      if (time < begin || time >= end || place === undefined) continue;
      const own = at(place);
      const runs = running.at(time);
      if (time < ran) own.names.push(`${name} (not begun)`);
      else (runs ? own.runs : own.names).push(name);
      if (threads.length === 0) own.how = runs ? "runs" : own.how || "sleeps";
    }
    return standing;
  }

  #mark(line: HTMLLIElement, names: string[], runs: boolean): void {
    let mark = this.#marks.get(line);
    if (names.length === 0) {
      mark?.remove();
      this.#marks.delete(line);
      return;
    }
    if (mark === undefined) {
      mark = make("b");
      line.append(mark);
      this.#marks.set(line, mark);
    }
    setClass(mark, runs ? "runs" : "");
    setText(mark, names.length > 2 ? `${names[0]} + ${names.length - 1}` : names.join(", "));
  }

  #show(index: number): void {
    this.#shown = index;
    this.#lists.forEach((list, i) => list.hidden = i !== this.#shown);
    this.#tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(i === this.#shown)));
  }
}
