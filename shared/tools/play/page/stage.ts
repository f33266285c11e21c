/**
 * One recording on the page: the sentence, the lanes, the script and the kernel.
 *
 * @module
 */

/// <reference lib="dom" />

import { type Model, modelOf, momentOf } from "../model.ts";
import { type Recording, unpack } from "../recording.ts";
import { rowsOf } from "../rows.ts";
import { sentenceOf } from "../sentence.ts";
import { Steps } from "../steps.ts";
import { wakesOf } from "../wakes.ts";
import { make, setText } from "./dom.ts";
import { KernelView } from "./kernel_view.ts";
import { type Handlers, LanesView, type Span } from "./lanes_view.ts";
import { ScriptView } from "./script_view.ts";

/** A recording on the page. */
export class Stage {
  /** All of it. */
  readonly element: HTMLElement = make("article", "stage");
  /** The recording. */
  readonly recording: Recording;
  /** What the kernel holds, at any time. */
  readonly model: Model;
  /** The moments that one can go to. */
  readonly steps: Steps;
  readonly #first = make("span");
  readonly #second = make("span", "second");
  readonly #lanes: LanesView;
  readonly #script: ScriptView;
  readonly #kernel: KernelView;

  /** `choose` is called with the index of the connection that somebody has clicked on. */
  constructor(recording: Recording, handlers: Handlers & { choose(index: number): void }) {
    this.recording = recording;
    const events = unpack(recording.events);
    this.model = modelOf(events, recording.names);
    this.steps = new Steps(events, this.model);
    const rows = rowsOf(events, recording.names, this.model);
    this.#lanes = new LanesView(this.model, rows, wakesOf(this.model), handlers);
    this.#script = new ScriptView(recording, this.model);
    this.#kernel = new KernelView(this.model, handlers.choose);
    const sentence = make("p", "sentence");
    sentence.setAttribute("aria-live", "polite");
    sentence.append(this.#first, " ", this.#second);
    const { title, args } = recording;
    const heading = make("h2", "", [title, ...args].join(" "));
    const parts = [this.#lanes.element, this.#script.element, this.#kernel.element];
    this.element.append(heading, sentence, ...parts);
    if (recording.cut !== undefined) this.element.append(make("p", "note", recording.cut));
  }

  /** Shows a moment; `end` is that of the longest run on the page. */
  render(time: number, span: Span, end: number): void {
    const [first, ...rest] = sentenceOf(this.model, time).split(/(?<=\.) (?=[A-Z\d])/);
    setText(this.#first, first);
    setText(this.#second, rest.join(" "));
    this.#lanes.render(time, span, end);
    this.#script.render(time);
    this.#kernel.render(momentOf(this.model, time), time);
  }
}
