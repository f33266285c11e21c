/**
 * Which statements of a script's modules the script needs: those that it refers to, those that they
 * refer to, and so on; and whatever has an effect when a module is loaded.
 *
 * @module
 */

import { type Binding, type Module, readModule, type Statement } from "./module.ts";
import { referencesIn } from "./references.ts";
import type { Token } from "./tokens.ts";

/** The error for a script that does not fit into one file; its message says why. */
export class NotOneFile extends Error {
  /** `NotOneFile`. */
  override name = "NotOneFile";
}

/** What a name refers to: a name of a file's statement, or something that no file has. */
export type Meaning = { statement: Statement; name: string } | Binding;

/** The modules of a script, of which some statements are kept. */
export class Needs {
  /** All modules from files, each behind those that it imports. */
  readonly modules: Module[] = [];
  /** The statements that are kept. */
  readonly statements = new Set<Statement>();
  /** What is imported from elsewhere, such as `node:util`, by {@linkcode keyOf}. */
  readonly imports = new Map<string, Binding & { as: string }>();
  /** Names that are used and that no file declares: those of JavaScript and Deno. */
  readonly globals = new Set<string>();
  readonly #byUrl = new Map<string, Module>();
  readonly #worker: URL | undefined;

  /**
   * Finds what is needed.
   *
   * @param script The script or module, of which everything is kept.
   * @param worker What the script runs in its Workers or processes, of which everything is kept as
   *   well.
   * @throws {NotOneFile} if it needs more than one file.
   */
  constructor(script: URL, worker?: URL) {
    this.#worker = worker;
    const whole = worker === undefined ? [script] : [script, worker];
    const scripts = whole.map((url) => this.#load(url));
    const running = this.#running(scripts);
    for (const module of this.modules.toReversed()) {
      if (!running.has(module)) continue;
      const isScript = scripts.includes(module);
      for (const statement of module.statements) {
        const { kind } = statement;
        if (kind === "effect" || isScript && kind !== "import" && kind !== "export") {
          this.#keep(statement);
        }
      }
    }
  }

  /** The module at an address. */
  moduleAt(url: URL): Module {
    return this.#byUrl.get(url.href)!;
  }

  #load(url: URL): Module {
    const known = this.#byUrl.get(url.href);
    if (known !== undefined) return known;
    let module: Module;
    try {
      module = readModule(url);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new NotOneFile(`${nameOf(url)} does not exist`);
    }
    this.#byUrl.set(url.href, module);
    for (const from of importsOf(module)) this.#load(new URL(from, url));
    this.modules.push(module);
    return module;
  }

  /** The modules that are loaded when the scripts run; those from which only types come are not. */
  #running(scripts: readonly Module[]): Set<Module> {
    const seen = new Set<Module>(scripts);
    for (const { url, imports, passedOn } of seen) {
      for (const { from, onlyType } of [...imports.values(), ...passedOn.values()]) {
        if (from.startsWith(".") && !onlyType) seen.add(this.moduleAt(new URL(from, url)));
      }
    }
    return seen;
  }

  #keep(statement: Statement): void {
    if (this.statements.has(statement)) return;
    this.statements.add(statement);
    this.#expectOneFile(statement);
    for (const token of referencesIn(statement)) {
      const meaning = this.meaningOf(statement.module, token.text);
      if (meaning === undefined) this.globals.add(token.text);
      else if ("statement" in meaning) this.#keep(meaning.statement);
      else this.#import(token.text, meaning);
    }
  }

  #import(as: string, binding: Binding): void {
    const known = this.imports.get(keyOf(binding));
    const onlyType = binding.onlyType && (known?.onlyType ?? true);
    this.imports.set(keyOf(binding), { as, ...known, ...binding, onlyType });
  }

  /** A script may start itself as a Worker or a process; other uses of its URL mean other files. */
  #expectOneFile({ module, tokens }: Statement): void {
    tokens.forEach(({ text }, i) => {
      if (text !== "import") return;
      const [sign, meta, , use] = tokens.slice(i + 1, i + 5).map(({ text }) => text);
      if (sign === "(") throw new NotOneFile(`${nameOf(module.url)} has an import(…)`);
      if (meta !== "meta" || use === "main") return;
      if (use === "url" && this.#worker !== undefined && workerAt(tokens, i) !== undefined) return;
      throw new NotOneFile(
        `${nameOf(module.url)} reads or starts other files (import.meta.${use})`,
      );
    });
  }

  /** What a name refers to in a module; undefined if to a global. */
  meaningOf(module: Module, name: string): Meaning | undefined {
    const statement = module.statements.find(({ names }) => names.includes(name));
    if (statement !== undefined) return { statement, name };
    const binding = module.imports.get(name);
    if (binding === undefined) return undefined;
    return this.#follow(module, binding);
  }

  /** What a module imports or passes on, wherever that is declared. */
  #follow(module: Module, binding: Binding): Meaning {
    if (!binding.from.startsWith(".")) return binding;
    const other = this.moduleAt(new URL(binding.from, module.url));
    const passedOn = other.passedOn.get(binding.name);
    const meaning = passedOn === undefined
      ? this.meaningOf(other, binding.name)
      : this.#follow(other, passedOn);
    if (meaning !== undefined) return meaning;
    throw new NotOneFile(
      `${nameOf(module.url)} imports ${binding.name} in a way that is not understood`,
    );
  }
}

/**
 * The script in `new URL("./script.ts", import.meta.url)`, as it is written there.
 *
 * @param i Where `import` is.
 */
export function workerAt(tokens: readonly Token[], i: number): string | undefined {
  const [create, url, open, text, comma] = tokens.slice(Math.max(0, i - 5), i);
  const words = [create, url, open, comma].map((token) => token?.text).join(" ");
  if (words !== "new URL ( ," || text.kind !== "text") return undefined;
  const script: string = JSON.parse(text.text);
  return script.endsWith(".ts") ? script : undefined;
}

/** What identifies something in whatever module it is used. */
export function keyOf(meaning: Meaning): string {
  return "statement" in meaning
    ? `${meaning.statement.module.url} ${meaning.name}`
    : `${meaning.from} ${meaning.name}`;
}

/** The path of a file as people know it. */
export function nameOf({ href }: URL): string {
  return decodeURI(href).replace(/.*\/(?=(lessons|shared)\/)/, "");
}

/** The files that a module imports or passes on, also if only for their types or effects. */
function importsOf({ statements }: Module): string[] {
  return statements.filter(({ kind }) => kind === "import" || kind === "export")
    .flatMap(({ tokens }) => tokens.findLast(({ kind }) => kind === "text") ?? [])
    .map(({ text }): string => JSON.parse(text)).filter((from) => from.startsWith("."));
}
