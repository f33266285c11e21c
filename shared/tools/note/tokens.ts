/**
 * The words and signs of TypeScript, as far as they have to be known in order to cut a module at
 * its statements: where comments, texts and regular expressions begin and end.
 *
 * @module
 */

/** A word or a sign of a source text. */
export interface Token {
  /** What it is; of a template, each part that is text is a text of its own. */
  kind: "word" | "number" | "text" | "pattern" | "comment" | "sign";
  /** What it looks like. */
  text: string;
  /** Where it begins. */
  start: number;
  /** Where it ends. */
  end: number;
}

const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$]*/uy;
const NUMBER = /\d[\w.]*/y;
const TEXT = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y;
const TEMPLATE = /(?:[^`\\$]|\\.|\$(?!\{))*(`|\$\{)/sy;
const PATTERN = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const SIGN = /\.\.\.|\?\.|=>|[^]/y;

/** Words behind which a slash begins a regular expression. */
const BEFORE_PATTERN = new Set(["return", "typeof", "case", "in", "of", "do", "else", "yield"]);

/**
 * The tokens of a source text, in their order.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const tokens = tokensOf("a = `b${c}`; // d");
 * assertEquals(tokens.map(({ text }) => text), ["a", "=", "`b${", "c", "}`", ";", "// d"]);
 * ```
 */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  const templates: number[] = []; // how deep the braces are in each template that is open
  let [at, depth] = [0, 0];
  function take(kind: Token["kind"], pattern: RegExp, from = at): boolean {
    pattern.lastIndex = from;
    const match = pattern.exec(source);
    if (match === null) return false;
    tokens.push({
      kind,
      text: source.slice(at, pattern.lastIndex),
      start: at,
      end: pattern.lastIndex,
    });
    at = pattern.lastIndex;
    return true;
  }
  /** A part of a template, from a backquote or the brace of an expression on. */
  function takeTemplate() {
    take("text", TEMPLATE, at + 1);
    if (tokens.at(-1)!.text.endsWith("${")) templates.push(depth);
  }
  while (at < source.length) {
    const character = source[at];
    if (/\s/.test(character)) at++;
    else if (take("comment", COMMENT) || take("word", WORD) || take("number", NUMBER)) continue;
    else if (take("text", TEXT)) continue;
    else if (character === "`") takeTemplate();
    else if (character === "}" && templates.at(-1) === depth) {
      templates.pop();
      takeTemplate();
    } else if (character === "/" && beginsPattern(tokens) && take("pattern", PATTERN)) continue;
    else {
      if (character === "{") depth++;
      if (character === "}") depth--;
      take("sign", SIGN);
    }
  }
  return tokens;
}

/** Whether a slash behind these tokens divides nothing, but begins a regular expression. */
function beginsPattern(tokens: Token[]): boolean {
  const before = tokens.findLast(({ kind }) => kind !== "comment");
  if (before === undefined) return true;
  if (before.kind === "word") return BEFORE_PATTERN.has(before.text);
  return before.kind === "sign" && !")]}".includes(before.text);
}
