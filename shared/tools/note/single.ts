/**
 * Makes one file out of a script and the modules that it imports, for `deno task note --single`.
 *
 * What the lesson is about comes first: the script itself, as a function that is called at the end
 * of the file, when everything that it needs is there. Comments, types and names are kept; only
 * the form of the comments changes.
 *
 * @module
 */

import { basename } from "node:path";
import { makeTemporaryFolder } from "../process/files.ts";
import { keyOf, type Meaning, nameOf, Needs, NotOneFile, workerAt } from "./keep.ts";
import { type Module, readModule, type Statement } from "./module.ts";
import { boundIn, referencesIn } from "./references.ts";
import type { Token } from "./tokens.ts";

/** How many columns a line has. */
const WIDTH = 100;

/**
 * A script and everything that it imports from files, as the text of one module.
 *
 * @param script Where the script is, or a module whose exports are wanted.
 * @param rewrite Changes the comment at its beginning.
 * @throws {NotOneFile} if it needs more than one file.
 */
export function singleFile(script: URL, rewrite: (comment: string) => string): string {
  const worker = workerOf(readModule(script));
  const needs = new Needs(script, worker);
  return formatted(new SingleFile(needs, script, worker).print(rewrite));
}

/** What `deno fmt` makes of it. */
function formatted(text: string): string {
  const folder = makeTemporaryFolder("note-");
  const path = `${folder}/script.ts`;
  try {
    Deno.writeTextFileSync(path, text);
    const args = ["fmt", "--quiet", "--no-config", "--line-width", String(WIDTH), path];
    const { success, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return Deno.readTextFileSync(path);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The script of the Workers or of the processes that a script starts. */
function workerOf({ url, statements }: Module): URL | undefined {
  const tokens = statements.flatMap(({ tokens }) => tokens);
  const starts = tokens.some(({ text }, i) =>
    text === "Worker" && tokens[i - 1].text === "new" || isSpawn(text)
  );
  const scripts = new Set(
    tokens.flatMap(({ text }, i) => text === "import" ? workerAt(tokens, i) ?? [] : []),
  );
  if (!starts || scripts.size === 0) return undefined;
  if (scripts.size > 1) throw new NotOneFile(`it starts ${[...scripts].join(" and ")}`);
  return new URL([...scripts][0], url);
}

/** Whether a script that has this word starts processes. */
function isSpawn(word: string): boolean {
  return word === "posix_spawn";
}

/** What is kept, as the text of one file. */
class SingleFile {
  readonly #needs: Needs;
  readonly #script: Module;
  readonly #worker: Module | undefined;
  /** What each declaration and each import is called in the one file. */
  readonly #names = new Map<string, string>();

  constructor(needs: Needs, script: URL, worker: URL | undefined) {
    this.#needs = needs;
    this.#script = needs.moduleAt(script);
    this.#worker = worker && needs.moduleAt(worker);
    this.#chooseNames();
  }

  /** Lets everything keep its name, unless two things have the same. */
  #chooseNames(): void {
    const wanted: [key: string, name: string, module: string][] = [];
    // Backwards, since the names of the script itself are those that are read most.
    for (const module of this.#needs.modules.toReversed()) {
      for (const statement of this.#keptOf(module)) {
        for (const name of statement.names) {
          wanted.push([keyOf({ statement, name }), name, nameOf(module.url)]);
        }
      }
    }
    for (const [key, { as, from }] of this.#needs.imports) wanted.push([key, as, from]);

    const taken = new Set(this.#needs.globals);
    for (const [key, name, module] of wanted) {
      if (this.#names.has(key)) continue; // declared several times, as an overload is
      const other = `${name}_${basename(module, ".ts").replaceAll(/\W/g, "_")}`;
      const chosen = taken.has(name) ? other : name;
      if (taken.has(chosen)) {
        throw new NotOneFile(`several things are called ${name}, and ${other} is taken as well`);
      }
      taken.add(chosen);
      this.#names.set(key, chosen);
    }
  }

  #keptOf(module: Module): Statement[] {
    return module.statements.filter((statement) => this.#needs.statements.has(statement));
  }

  /** The one file, not yet formatted. */
  print(rewrite: (comment: string) => string): string {
    const scripts = [this.#script, ...this.#worker === undefined ? [] : [this.#worker]];
    const libraries = scripts.flatMap(({ source }) =>
      source.match(/^\/\/\/ <reference lib=.*$/gm) ?? []
    );
    const others = this.#needs.modules.filter((module) => !scripts.includes(module))
      .flatMap((module) => this.#printModule(module));
    const isScript = !this.#script.header.includes("@module");
    const own = isScript ? this.#printScripts() : this.#printModule(this.#script);
    // A module whose declarations need others at once comes behind them.
    const parts = isScript || this.#canComeFirst() ? [...own, ...others] : [...others, ...own];
    return [
      rewrite(this.#script.header),
      ...libraries,
      this.#printImports(),
      ...parts,
      ...isScript ? this.#printCalls() : [],
    ].join("\n\n");
  }

  /** Whether nothing of another file is used when the module is loaded. */
  #canComeFirst(): boolean {
    const eager = this.#keptOf(this.#script)
      .filter(({ kind }) => kind !== "type" && kind !== "function")
      .flatMap((statement) =>
        statement.kind === "class" ? headOf(statement) : referencesIn(statement)
      );
    return eager.every(({ text }) => {
      const meaning = this.#needs.meaningOf(this.#script, text);
      return meaning === undefined || !("statement" in meaning) ||
        meaning.statement.module === this.#script || meaning.statement.kind === "type";
    });
  }

  #printImports(): string {
    const modules = Map.groupBy(this.#needs.imports.values(), ({ from }) => from);
    const lines = [...modules].toSorted().flatMap(([from, bindings]) => {
      const named = bindings.map((binding) => {
        const { name, onlyType } = binding;
        const as = this.#names.get(keyOf(binding))!;
        if (name === "*") return `* as ${as}`;
        return (onlyType ? "type " : "") + (as === name ? name : `${name} as ${as}`);
      }).toSorted();
      const [whole, parts] = [true, false].map((whole) =>
        named.filter((name) => name.startsWith("*") === whole)
      );
      const clauses = [...whole, ...parts.length === 0 ? [] : [`{ ${parts.join(", ")} }`]];
      return clauses.map((clause) => `import ${clause} from "${from}";`);
    });
    return lines.join("\n") || "export {};"; // without either, it would not be a module
  }

  /** Each script as a function, with its types before it. */
  #printScripts(): string[] {
    const [server, worker] = [this.#script, this.#worker];
    const printed = [`// ${nameOf(server.url)}\n${this.#printScript(server, "main")}`];
    if (worker !== undefined) {
      const [name, whose] = this.#hasProcesses ? ["child", "processes"] : ["thread", "Workers"];
      printed.push(
        `// ${nameOf(worker.url)}, for the ${whose}\n${this.#printScript(worker, name)}`,
      );
    }
    return printed;
  }

  #printScript(module: Module, name: string): string {
    const own = this.#keptOf(module);
    const outside = own.filter(({ kind }) => module === this.#worker && kind === "type");
    const inside = own.filter((statement) => !outside.includes(statement));
    const waits = inside.some(hasAwait);
    return [
      ...outside.length === 0 ? [] : [this.#printAll(outside)],
      `${waits ? "async " : ""}function ${name}() {`,
      this.#printAll(inside),
      "}",
    ].join("\n");
  }

  /** What is called when everything is there. */
  #printCalls(): string[] {
    const own = this.#keptOf(this.#script);
    const call = own.some(hasAwait) ? "await main();" : "main();";
    if (this.#worker === undefined) return [call];
    // A process is started with JSON in place of the options.
    return this.#hasProcesses
      ? [`if (!Deno.args[0]?.startsWith("{")) ${call}\nelse child();`]
      : [`if (!("WorkerGlobalScope" in globalThis)) ${call}\nelse thread();`];
  }

  /** Whether the worker is a process, and not a thread. */
  get #hasProcesses(): boolean {
    return this.#keptOf(this.#script).some(({ tokens }) =>
      tokens.some(({ text }) => isSpawn(text))
    );
  }

  #printModule(module: Module): string[] {
    const statements = this.#keptOf(module);
    if (statements.length === 0) return [];
    return [`// ${nameOf(module.url)}\n${this.#printAll(statements)}`];
  }

  /** Statements with their comments. Those that stood together still do, and those of one line. */
  #printAll(statements: Statement[]): string {
    const texts = statements.map((statement) => this.#printOne(statement));
    return texts.map((text, i) => {
      const { module, start, apart } = statements[i];
      // A comment with two slashes is about what follows, and begins something new.
      const isList = i > 0 && [texts[i - 1], text].every(isOneLine) &&
        !module.source.startsWith("//", start);
      return (i > 0 && apart && !isList ? "\n" : "") + text;
    }).join("\n");
  }

  #printOne(statement: Statement): string {
    const { module, tokens, start, end } = statement;
    const bound = boundIn(tokens);
    const references = new Set(referencesIn(statement));
    const isScript = module === this.#script || module === this.#worker;
    let text = "";
    let at = start;
    function replace(token: Token, by: string, last = token) {
      text += module.source.slice(at, token.start) + by;
      at = last.end;
    }
    for (const [i, token] of tokens.entries()) {
      if (i === 0 && token.text === "export" && !this.#isExported(module)) {
        replace(token, "");
        at++; // and the space behind it
      } else if (token.text === "(" && !isScript) {
        // The format keeps a line break here, which may not be needed without `export`.
        const next = tokens[i + 1];
        const between = module.source.slice(token.end, next.start);
        if (between.trim() === "") replace(token, "(", { ...token, end: next.start });
      } else if (token.text === "import" && workerAt(tokens, i) !== undefined) {
        // The one file is the script of its Workers as well.
        const url = tokens.slice(i, i + 5).map(({ text }) => text).join("");
        text += module.source.slice(at, tokens[i - 2].start) + url;
        at = tokens[i + 4].end;
      } else if (references.has(token)) {
        const name = this.#nameOf(this.#needs.meaningOf(module, token.text));
        if (name === undefined || name === token.text) continue;
        if (bound.has(name)) {
          throw new NotOneFile(
            `in ${nameOf(module.url)}, ${token.text} would be mixed up with another ${name}`,
          );
        }
        replace(token, isShorthand(tokens, i) ? `${token.text}: ${name}` : name);
      }
    }
    text += module.source.slice(at, end);
    return isScript ? text : withShortComments(text);
  }

  #isExported(module: Module): boolean {
    return module === this.#script && module.header.includes("@module");
  }

  #nameOf(meaning: Meaning | undefined): string | undefined {
    return meaning && this.#names.get(keyOf(meaning));
  }
}

/** Whether it is a declaration of one line, with or without a comment of one line above it. */
function isOneLine(text: string): boolean {
  return /^(\/\/ .*\n)?(const|let|type) .*;.*$/.test(text);
}

/**
 * Shortens comments, since nothing of a module is exported: each begins with two slashes, and one
 * of one line stands behind a declaration or member of one line, if there is room.
 */
function withShortComments(text: string): string {
  return text.replaceAll(/\{@linkcode (.*?)\}/g, "$1")
    .replaceAll(/^( *)\/\*\* (.*) \*\/\n( *)(.*;)$/gm, (all, indent, comment, margin, line) => {
      const whole = `${indent}${line} // ${comment}`;
      return margin !== indent || whole.length > WIDTH ? all : whole;
    })
    .replaceAll(/^( *)\/\*\* (.*) \*\/$/gm, "$1// $2")
    .replaceAll(
      /^ *\/\*\*\n([^]*?)^ *\*\/$/gm,
      (_, lines: string) =>
        lines.replaceAll(/^ *\*\n(?= *\* @)/gm, "").replaceAll(/^( *) \*/gm, "$1//").trimEnd(),
    );
}

/** The tokens of a class that are evaluated when it is declared: what it extends. */
function headOf({ tokens }: Statement): Token[] {
  const at = tokens.findIndex(({ text }) => text === "extends");
  return at === -1 ? [] : tokens.slice(at + 1, at + 2);
}

/** Whether a statement waits where it stands, and not inside of a function of its own. */
function hasAwait({ kind, tokens }: Statement): boolean {
  if (kind === "function" || kind === "class" || kind === "type") return false;
  return tokens.some(({ text }, i) => {
    if (text !== "await") return false;
    const before = tokens.slice(0, i);
    return !before.some(({ text }) => text === "async");
  });
}

/** Whether a word is a member's name and a reference at the same time, as in `{ word }`. */
function isShorthand(tokens: readonly Token[], i: number): boolean {
  const [before, after] = [tokens[i - 1]?.text, tokens[i + 1]?.text];
  if (!["{", ","].includes(before) || ![",", "}"].includes(after)) return false;
  // What stands in brackets of another kind is a list.
  let depth = 0;
  for (let k = i - 1; k >= 0; k--) {
    if (")]}".includes(tokens[k].text)) depth++;
    if ("([{".includes(tokens[k].text) && depth-- === 0) return tokens[k].text === "{";
  }
  return false;
}
