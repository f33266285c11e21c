/**
 * What the page of `deno task play` has in addition: it asks the server for a new recording.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import type { Live } from "../page.ts";
import type { Recording } from "../recording.ts";
import { find, make, setText } from "./dom.ts";

/** The options of a client that the form has fields for. */
const OPTIONS = ["clients", "pause", "cast"];

/** The form. */
export class RunForm {
  readonly #live: Live;
  readonly #show: (recordings: Recording[]) => void;
  readonly #lesson = find<HTMLSelectElement>("lesson");
  readonly #against = find<HTMLSelectElement>("against");
  readonly #options = find("options");
  readonly #progress = find<HTMLOutputElement>("progress");
  readonly #button = find<HTMLButtonElement>("record");

  /** A form that shows what was run, and passes what it gets to `show`. */
  constructor(live: Live, recordings: Recording[], show: (recordings: Recording[]) => void) {
    this.#live = live;
    this.#show = show;
    for (const { name, title, hasClients } of live.lessons) {
      this.#lesson.add(new Option(title, name));
      if (hasClients) this.#against.add(new Option(title, name));
    }
    this.#against.add(new Option("nothing", ""), 0);
    this.choose(recordings.map(({ lesson }) => lesson));
    this.#lesson.addEventListener("change", () => void this.#fields());
    find("run").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#run();
    });
    find("run").hidden = false;
  }

  /** Chooses lessons, without running them. */
  choose([lesson = "01", against = ""]: string[]): void {
    this.#lesson.value = lesson;
    this.#against.value = against;
    void this.#fields();
  }

  /** Fields for those options that the client has. */
  async #fields(): Promise<void> {
    const path = `/options?lesson=${encodeURIComponent(this.#lesson.value)}`;
    const response = await this.#fetch(path);
    const known: { name: string; initial: string }[] = response.ok ? await response.json() : [];
    this.#options.replaceChildren(
      ...known.filter(({ name }) => OPTIONS.includes(name)).map(({ name, initial }) => {
        const [label, input] = [make("label", "", `${name} `), make("input")];
        input.type = "text";
        input.name = name;
        input.placeholder = initial;
        input.size = 6;
        label.append(input);
        return label;
      }),
    );
  }

  async #run(): Promise<void> {
    this.#button.disabled = true;
    const lessons = [this.#lesson.value, this.#against.value].filter((name) => name !== "");
    const fields = [...this.#options.querySelectorAll("input")].filter(({ value }) => value !== "");
    const args = fields.flatMap(({ name, value }) => [`--${name}`, value]);
    const began = performance.now();
    const timer = setInterval(() => {
      const seconds = Math.floor((performance.now() - began) / 1000);
      setText(this.#progress, `runs, and is recorded … ${seconds} s`);
    }, 200);
    try {
      const body = JSON.stringify({ lessons, args });
      const response = await this.#fetch("/run", { method: "POST", body });
      const result: Recording[] | { reason: string } = response.ok
        ? await response.json()
        : { reason: await response.text() };
      if ("reason" in result) setText(this.#progress, result.reason);
      else this.#show(result);
    } catch {
      setText(this.#progress, "deno task play has ended: start it again");
    } finally {
      clearInterval(timer);
      this.#button.disabled = false;
      if (this.#progress.value.startsWith("runs")) setText(this.#progress, "");
    }
  }

  #fetch(path: string, options: RequestInit = {}): Promise<Response> {
    return fetch(path, { ...options, headers: { "x-token": this.#live.token } });
  }
}
