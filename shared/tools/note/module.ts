/**
 * A module as a list of statements: what each declares, and which names of the module it uses.
 *
 * It relies on the format of `deno fmt`: a statement of a module ends with a semicolon, or with a
 * brace at the end of a line.
 *
 * @module
 */

import { type Token, tokensOf } from "./tokens.ts";

/** A statement at the top level of a module, with the comments that belong to it. */
export interface Statement {
  /** Its module. */
  readonly module: Module;
  /** What it is; an effect is whatever does something and declares nothing. */
  readonly kind: "import" | "export" | "type" | "function" | "class" | "variable" | "effect";
  /** The names that it declares. */
  readonly names: readonly string[];
  /** Its tokens, without comments. */
  readonly tokens: readonly Token[];
  /** Where it begins, its comments included. */
  readonly start: number;
  /** Where it ends, a comment behind it included. */
  readonly end: number;
  /** Whether an empty line stands before it. */
  readonly apart: boolean;
}

/** Something that a module takes from another one. */
export interface Binding {
  /** The other module, as it is written there. */
  from: string;
  /** What it is called there, or `default`, or `*`. */
  name: string;
  /** Whether it is only a type. */
  onlyType: boolean;
}

/** A module. */
export interface Module {
  /** Where it is. */
  readonly url: URL;
  /** Its text. */
  readonly source: string;
  /** The comment at its beginning, if it is about the module or script. */
  readonly header: string;
  /** Its statements. */
  readonly statements: Statement[];
  /** What it imports, by the names that it uses for it. */
  readonly imports: Map<string, Binding>;
  /** What it passes on from other modules, by the names that others use for it. */
  readonly passedOn: Map<string, Binding>;
}

/** Reads a module. */
export function readModule(url: URL): Module {
  const source = Deno.readTextFileSync(url);
  const tokens = tokensOf(source);
  const header = tokens[0]?.kind === "comment" && tokens[0].text.startsWith("/**")
    ? tokens[0].text
    : "";
  const module: Module = {
    url,
    source,
    header,
    statements: [],
    imports: new Map(),
    passedOn: new Map(),
  };
  for (const group of statementsIn(header === "" ? tokens : tokens.slice(1), source)) {
    module.statements.push(statementOf(module, group));
  }
  for (const { kind, tokens } of module.statements) {
    if (kind === "import") addBindings(tokens, module.imports);
    if (kind === "export") addBindings(tokens, module.passedOn);
  }
  return module;
}

/** The tokens of each statement, with the comments before it and the one behind it. */
function* statementsIn(tokens: Token[], source: string): Generator<Token[]> {
  let group: Token[] = [];
  let depth = 0;
  const onOneLine = (a: Token, b: Token) => !source.slice(a.end, b.start).includes("\n");
  for (let i = 0; i < tokens.length; i++) {
    const [token, next] = [tokens[i], tokens[i + 1]];
    group.push(token);
    if (token.kind !== "sign") continue;
    if ("([{".includes(token.text)) depth++;
    if (")]}".includes(token.text)) depth--;
    const isLast = next === undefined || !onOneLine(token, next) || next.kind === "comment";
    if (depth > 0 || !(token.text === ";" || token.text === "}" && isLast)) continue;
    if (next?.kind === "comment" && onOneLine(token, next)) group.push(tokens[++i]);
    yield group;
    group = [];
  }
  if (group.some(({ kind }) => kind !== "comment")) yield group;
}

function statementOf(module: Module, group: Token[]): Statement {
  // A reference to a library is for the whole file.
  const own = group.filter(({ text }) => !text.startsWith("///"));
  const tokens = own.filter(({ kind }) => kind !== "comment");
  const [start, end] = [own[0].start, own.at(-1)!.end];
  const apart = /\n\s*\n\s*$/.test(module.source.slice(0, start));
  return { module, ...meaningOf(tokens), tokens, start, end, apart };
}

function meaningOf(tokens: Token[]): Pick<Statement, "kind" | "names"> {
  const words = tokens.map(({ text }) => text);
  if (words[0] === "import" && words[1] !== "(") return { kind: "import", names: [] };
  let at = 0;
  if (words[0] === "export") at++;
  const passesOn = ["{", "*"].includes(words[words[1] === "type" ? 2 : 1]);
  if (at === 1 && passesOn) return { kind: "export", names: [] };
  while (["async", "abstract", "declare", "default"].includes(words[at])) at++;
  const name = words[at + 1] === "*" ? words[at + 2] : words[at + 1];
  switch (words[at]) {
    case "interface":
    case "type":
      return { kind: "type", names: [name] };
    case "function":
      return { kind: "function", names: [name] };
    case "class":
    case "enum":
      return { kind: "class", names: [name] };
    case "const":
    case "let":
    case "var":
      return { kind: "variable", names: variablesIn(tokens.slice(at + 1)) };
    default:
      return { kind: "effect", names: [] };
  }
}

/** The names that a declaration of variables gives: one, or those of a pattern. */
export function variablesIn(tokens: readonly Token[]): string[] {
  if (tokens[0].kind === "word") return [tokens[0].text];
  const names: string[] = [];
  let depth = 0;
  let value: number | undefined; // how deep a default value is
  for (const [i, { kind, text }] of tokens.entries()) {
    if ("([{".includes(text)) depth++;
    if (")]}".includes(text)) depth--;
    if (value !== undefined && (depth < value || depth === value && text === ",")) {
      value = undefined;
    }
    if (depth === 0) break;
    if (value === undefined && kind === "word" && tokens[i + 1].text !== ":") names.push(text);
    if (value === undefined && text === "=") value = depth;
  }
  return names;
}

/** Reads `import` and `export … from`, up to the module that they name. */
function addBindings(tokens: readonly Token[], bindings: Map<string, Binding>): void {
  const from = tokens.findLast(({ kind }) => kind === "text");
  if (from === undefined) return; // `export { a };` exports what is here
  const module = JSON.parse(from.text);
  const words = tokens.slice(1, tokens.indexOf(from)).map(({ text }) => text);
  const allTypes = words[0] === "type" && words[1] !== "from";
  if (allTypes) words.shift();
  let onlyType = allTypes;
  let inBraces = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === "{") inBraces = true;
    else if (word === "}") inBraces = false;
    else if (word === "," || word === "from") onlyType = allTypes;
    else if (word === "type" && words[i + 1] !== "as" && words[i + 1] !== ",") onlyType = true;
    else {
      const name = word === "*" || inBraces ? word : "default";
      const renamed = words[i + 1] === "as";
      bindings.set(renamed ? words[i + 2] : word, { from: module, name, onlyType });
      if (renamed) i += 2;
    }
  }
}
