/**
 * Which words of a statement refer to something of its module: not those that are members' names,
 * nor those to which the statement gives a meaning of its own, such as parameters.
 *
 * @module
 */

import { type Statement, variablesIn } from "./module.ts";
import type { Token } from "./tokens.ts";

/** What stands before the name of a member, or before a statement that begins with a call. */
const BEFORE_MEMBER = ["{", "}", ";", ",", "static", "readonly", "async", "get", "set", "*"];
/** What stands before the parameters of an arrow function. */
const BEFORE_ARROW = ["=", "(", ",", ":", "=>", "return", "async", "?", "yield", "await"];
/** What looks like the name of a method: brackets follow it, and then a block. */
const BEFORE_BLOCK = ["if", "for", "while", "switch"];
/** Words of the language, which have no meaning of their own. */
const KEYWORDS = new Set(
  ("abstract any as asserts async await bigint boolean break case catch class const continue " +
    "debugger declare default delete do else enum export extends false finally for from " +
    "function get if implements import in infer instanceof interface is keyof let never new " +
    "null object of override private protected public readonly return satisfies set static " +
    "string super switch symbol this throw true try type typeof undefined unique unknown using " +
    "var void while with yield").split(" "),
);

/** The words of a statement that refer to something of its module, or to a global. */
export function referencesIn({ kind, names, tokens }: Statement): Token[] {
  const own = boundIn(tokens);
  // A parameter may have the name of its function.
  const itself = kind === "variable" ? -1 : tokens.findIndex(({ text }) => text === names[0]);
  return tokens.filter(({ kind, text }, i) => {
    if (i === itself) return true;
    if (kind !== "word" || text.startsWith("#") || KEYWORDS.has(text) || own.has(text)) {
      return false;
    }
    const [before, after] = [tokens[i - 1]?.text ?? ";", tokens[i + 1]?.text ?? ";"];
    if (before === "." || before === "?.") return false;
    if (text === "number" && after !== "(") return false; // the type
    // The name of a member or a parameter, as opposed to the middle of `a ? b : c`.
    const isNamed = after === ":" || after === "?" && tokens[i + 2]?.text === ":";
    if (isNamed && [...BEFORE_MEMBER, "("].includes(before)) return false;
    return !isMethod(tokens, i);
  });
}

/** Whether a word names a method, as opposed to a function that is called. */
function isMethod(tokens: readonly Token[], i: number): boolean {
  if (!BEFORE_MEMBER.includes(tokens[i - 1]?.text ?? "")) return false;
  if (BEFORE_BLOCK.includes(tokens[i]?.text)) return false;
  if (tokens[i - 1].text === "*" && tokens[i - 2]?.text === "function") return false;
  const open = parametersAt(tokens, i + 1);
  return open !== undefined && ["{", ":"].includes(tokens[closing(tokens, open) + 1]?.text);
}

/** Where the bracket is that begins parameters, behind the types that a function may take. */
function parametersAt(tokens: readonly Token[], i: number): number | undefined {
  let at = i;
  if (tokens[at]?.text === "<") {
    for (let depth = 0; at < tokens.length; at++) {
      if (tokens[at].text === "<") depth++;
      if (tokens[at].text === ">" && --depth === 0) break;
    }
    at++;
  }
  return tokens[at]?.text === "(" ? at : undefined;
}

/** Where the bracket ends that begins at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if ("([{".includes(tokens[i].text)) depth++;
    if (")]}".includes(tokens[i].text) && --depth === 0) return i;
  }
  return tokens.length;
}

/** The names of variables, parameters and functions inside of a statement. */
export function boundIn(tokens: readonly Token[]): Set<string> {
  const names = new Set<string>();
  tokens.forEach(({ text }, i) => {
    const before = tokens[i - 1]?.text ?? "";
    const inside = i > 3; // what a statement declares itself is no name inside of it
    if (["const", "let", "var", "using"].includes(text) && inside && tokens[i + 1].text !== "=") {
      for (const name of variablesIn(tokens.slice(i + 1))) names.add(name);
    } else if (before === "catch" && text === "(") names.add(tokens[i + 1].text);
    else if (before === "function" && inside) names.add(text === "*" ? tokens[i + 1].text : text);
    else if (before === "infer") names.add(text);
    if (text !== "(") return;
    const next = tokens[closing(tokens, i) + 1]?.text;
    const name = nameBefore(tokens, i);
    const isFunction = tokens[name - 1]?.text === "function" ||
      tokens[name - 1]?.text === "*" && tokens[name - 2]?.text === "function" ||
      before === "function" || isMethod(tokens, name);
    const isArrow = next === "=>" || next === ":" && BEFORE_ARROW.includes(before);
    if (!isFunction && !isArrow) return;
    for (const parameter of parametersIn(tokens.slice(i + 1, closing(tokens, i)))) {
      names.add(parameter);
    }
  });
  for (const name of typeParametersIn(tokens)) names.add(name);
  return names;
}

/** Where the name of a function is, before its parameters at `open` and the types before these. */
function nameBefore(tokens: readonly Token[], open: number): number {
  let at = open - 1;
  if (tokens[at]?.text !== ">") return at;
  for (let depth = 0; at >= 0; at--) {
    if (tokens[at].text === ">") depth++;
    if (tokens[at].text === "<" && --depth === 0) break;
  }
  return at - 1;
}

/** The names of parameters, those in patterns included. */
function parametersIn(tokens: readonly Token[]): string[] {
  const names: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const { kind, text } = tokens[i];
    if (text === "{" || text === "[") {
      names.push(...variablesIn(tokens.slice(i)));
      i = closing(tokens, i);
    } else if (kind === "word" && !["readonly", "private", "public"].includes(text)) {
      names.push(text);
    }
    // What follows until the next comma is a type or a value.
    for (let depth = 0; i < tokens.length; i++) {
      const { text } = tokens[i];
      if ("([{<".includes(text)) depth++;
      if (")]}>".includes(text)) depth--;
      if (text === "," && depth === 0 || text === "..." || text === "readonly") break;
    }
  }
  return names;
}

/** The names of types that a declaration takes, such as `Value` in `interface Option<Value>`. */
function typeParametersIn(tokens: readonly Token[]): string[] {
  const names: string[] = [];
  tokens.forEach(({ text }, i) => {
    const [word, before] = [tokens[i - 1], tokens[i - 2]?.text ?? ""];
    const declares = ["function", "class", "interface", "type", "*"].includes(before);
    if (text !== "<" || word?.kind !== "word" || !(declares || isMethod(tokens, i - 1))) return;
    let depth = 1;
    for (let k = i + 1; k < tokens.length && depth > 0; k++) {
      if (depth === 1 && tokens[k].kind === "word" && ["<", ","].includes(tokens[k - 1].text)) {
        names.push(tokens[k].text);
      }
      if ("<([{".includes(tokens[k].text)) depth++;
      if (">)]}".includes(tokens[k].text)) depth--;
    }
  });
  return names;
}
